import { $, el, moment, parse, span } from "./dom.js";
import { itemName } from "./items.js";
import { isOver } from "./now.js";

const REFRESH_MS = 3000;
let shown = null;
let content = "";
let requestedAt = 0;
let timer = null;

async function get(address) {
  const response = await fetch(address, { headers: { Accept: "application/json" } });
  const answer = parse(await response.text());
  return response.ok ? answer : { missing: response.status === 404, detail: answer.detail };
}

function historyOf(answer) {
  if (answer.detail) return el("p", { class: "note" }, answer.detail);
  const rows = answer.events.map((event) => el("tr", {},
    el("td", {}, itemName(event.item)), el("td", {}, event.behavior ?? ""), el("td", { class: "when" }, event.time === null ? "" : moment(event.time).replace(" UTC", ""))));
  const head = el("tr", {}, ...["Item", "Behavior", "Time (UTC)"].map((name) => el("th", { scope: "col" }, name)));
  return el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows));
}

function listOf(list, window) {
  const outcomes = new Map((list.outcomes ?? []).map((outcome) => [outcome.item, outcome]));
  const chips = list.items.map((item) => {
    const outcome = outcomes.get(item);
    return el("span", { class: outcome ? "chip hit" : "chip" }, itemName(item), outcome ? ` ✓ ${outcome.behavior}` : "");
  });
  const reward = [...outcomes.values()].reduce((sum, outcome) => sum + outcome.reward, 0);
  const nothing = isOver(list.time + window) ? `nothing within ${span(window)}` : "nothing so far";
  const result = list.outcomes === null ? "outcome unknown" : outcomes.size ? `reward ${reward}` : nothing;
  return el("div", { class: "shown" },
    el("p", {}, `${moment(list.time)}${list.policy ? ` · ${list.policy}` : ""} · ${result}`),
    el("div", { class: "chips" }, ...chips));
}

function recommendationsOf(answer) {
  if (answer.detail) return el("p", { class: "note" }, answer.detail);
  return el("div", {}, ...answer.recommendations.map((list) => listOf(list, answer.reward_window)));
}

function showAnswer(...parts) {
  $("user-answer").replaceChildren(...parts);
}

function plain(text) {
  return el("p", { class: "note wide-answer" }, text);
}

/** Shows a user; `status` is announced to screen readers. */
async function lookUp(user, status = "") {
  shown = user;
  requestedAt = Date.now();
  const base = `/users/${encodeURIComponent(user)}`;
  try {
    const [history, recommendations] = await Promise.all([
      get(`${base}/history?limit=12`), get(`${base}/recommendations?limit=6&outcomes=true`)]);
    const fresh = JSON.stringify([user, history, recommendations,
      recommendations.recommendations?.map((list) => isOver(list.time + recommendations.reward_window))]);
    if (shown !== user || (fresh === content && !status)) return;
    content = fresh;
    if (history.missing && recommendations.missing) showAnswer(plain(`No store knows user ${user}.`));
    else {
      showAnswer(
        el("div", {}, el("h3", {}, `Last events of user ${user}`), historyOf(history)),
        el("div", {}, el("h3", {}, "Recommended"), recommendationsOf(recommendations)));
    }
    if (status) $("user-status").textContent = status;
  } catch {
    content = "";
    if (status) showAnswer(plain("The server does not answer."));
  }
}

/** Reads the shown user again, at most every REFRESH_MS. */
function refresh() {
  if (shown === null || document.hidden || timer) return;
  timer = setTimeout(() => { timer = null; lookUp(shown); }, Math.max(0, requestedAt + REFRESH_MS - Date.now()));
}

function choose(user) {
  $("user-id").value = user;
  history.replaceState(null, "", `?user=${encodeURIComponent(user)}`);
  lookUp(user, `User ${user} is shown.`);
}

async function suggest() {
  const answer = await get("/users?limit=8").catch(() => ({ users: [] }));
  $("user-suggestions").replaceChildren(...(answer.users ?? []).map((user) =>
    el("button", { type: "button", class: "chip", onclick: () => choose(user) }, user)));
  return { first: answer.users?.[0], problem: answer.missing === false ? answer.detail : "" };
}

export async function startUsers() {
  $("user-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const given = $("user-id").value;
    choose(/^\s*-?\d+\s*$/.test(given) ? given.trim() : given);  // Blanks belong to ids of text.
  });
  const wanted = new URLSearchParams(location.search).get("user");
  const showFirst = async () => {
    const { first, problem } = await suggest();
    if (shown !== null) return;
    if (first !== undefined) { $("user-id").value = first; lookUp(first); }
    else showAnswer(plain(problem ? `Unknown: ${problem}.` : "No store has a recommendation yet."));
  };
  if (wanted) choose(wanted);
  await showFirst();
  return { suggest: showFirst, refresh };
}
