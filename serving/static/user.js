import { $, el, moment, parse } from "./dom.js";

async function get(address) {
  const response = await fetch(address, { headers: { Accept: "application/json" } });
  const answer = parse(await response.text());
  return response.ok ? answer : { missing: response.status === 404, detail: answer.detail };
}

function historyOf(answer) {
  if (answer.detail) return el("p", { class: "note" }, answer.detail);
  const rows = answer.events.map((event) => el("tr", {},
    el("td", {}, event.item), el("td", {}, event.behavior ?? ""), el("td", { class: "when" }, event.time === null ? "" : moment(event.time).replace(" UTC", ""))));
  const head = el("tr", {}, ...["Item", "Behavior", "Time (UTC)"].map((name) => el("th", { scope: "col" }, name)));
  return el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows));
}

function listOf(shown) {
  const outcomes = new Map((shown.outcomes ?? []).map((outcome) => [outcome.item, outcome]));
  const chips = shown.items.map((item) => {
    const outcome = outcomes.get(item);
    return el("span", { class: outcome ? "chip hit" : "chip" }, outcome ? `${item} ✓ ${outcome.behavior}` : item);
  });
  const reward = [...outcomes.values()].reduce((sum, outcome) => sum + outcome.reward, 0);
  const came = shown.outcomes === null ? "" : outcomes.size ? ` · reward ${reward}` : " · nothing came of it in 10 min";
  return el("div", { class: "shown" },
    el("p", {}, `${moment(shown.time)}${shown.policy ? ` · ${shown.policy}` : ""}${came}`),
    el("div", { class: "chips" }, ...chips));
}

function recommendationsOf(answer) {
  if (answer.detail) return el("p", { class: "note" }, answer.detail);
  return el("div", {}, ...answer.recommendations.map(listOf));
}

async function lookUp(user) {
  const place = $("user-answer");
  const base = `/users/${encodeURIComponent(user)}`;
  try {
    const [history, recommendations] = await Promise.all([
      get(`${base}/history?limit=12`), get(`${base}/recommendations?limit=6&outcomes=true`)]);
    if (history.missing && recommendations.missing) {
      place.replaceChildren(el("p", { class: "note wide-answer" }, `No store knows user ${user}.`));
      return;
    }
    place.replaceChildren(
      el("div", {}, el("h3", {}, `Last events of user ${user}`), historyOf(history)),
      el("div", {}, el("h3", {}, "Recommended"), recommendationsOf(recommendations)));
  } catch {
    place.replaceChildren(el("p", { class: "note wide-answer" }, "The server does not answer."));
  }
}

function choose(user) {
  $("user-id").value = user;
  history.replaceState(null, "", `?user=${encodeURIComponent(user)}`);
  lookUp(user);
}

async function suggest() {
  const answer = await get("/users?limit=8").catch(() => ({ users: [] }));
  $("user-suggestions").replaceChildren(...(answer.users ?? []).map((user) =>
    el("button", { type: "button", class: "chip", onclick: () => choose(user) }, user)));
  return answer.users?.[0];
}

export async function startUsers() {
  $("user-form").addEventListener("submit", (event) => {
    event.preventDefault();
    choose($("user-id").value.trim());
  });
  const asked = new URLSearchParams(location.search).get("user");
  const first = await suggest();
  if (asked && /^-?\d{1,19}$/.test(asked)) choose(asked);
  else if (first !== undefined) { $("user-id").value = first; lookUp(first); }
  else $("user-answer").replaceChildren(el("p", { class: "note wide-answer" }, "No store has a recommendation yet."));
  return suggest;
}
