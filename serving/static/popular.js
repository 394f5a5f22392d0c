import { spark } from "./charts.js";
import { $, el, moment, number } from "./dom.js";
import { itemName } from "./items.js";
import { reached } from "./now.js";

let latest = null;
let windows = [];

function move(place) {
  if (latest.previous_window_end === null) return el("td", { class: "same" }, "");
  if (place.previous_rank === null) return el("td", {}, el("span", { class: "new" }, "new"));
  const up = place.previous_rank - place.rank;
  if (!up) return el("td", { class: "same", title: "as before" }, "=");
  const word = up > 0 ? "up" : "down";
  return el("td", { class: word, "aria-label": `${word} ${Math.abs(up)}` }, `${up > 0 ? "▲" : "▼"} ${Math.abs(up)}`);
}

function row(place, most) {
  const bar = el("i");
  bar.style.width = `${(100 * place.count / most).toFixed(1)}%`;
  const counts = windows.map((window) => window.items.find((other) => other.item === place.item)?.count ?? null);
  return el("tr", {},
    el("td", { class: "num" }, place.rank), move(place), el("td", {}, itemName(place.item)),
    el("td", { class: "num count" }, bar, el("span", {}, number(place.count))),
    el("td", { class: "wide" }, counts.length > 1 ? spark(counts) : ""));
}

function show() {
  const table = $("popular");
  table.hidden = !latest;
  if (!latest) {
    $("popular-note").textContent = "No window of popular items is in a store yet.";
    return;
  }
  const previous = latest.previous_window_end === null ? "" : `, moves since ${moment(latest.previous_window_end)}`;
  const ended = latest.newest_window_end === null ? "" : " The input has ended: this is its last full window; later ones have only its last events.";
  $("popular-note").textContent = `Window up to ${moment(latest.window_end)}${previous}${ended ? `.${ended}` : ""}`;
  const most = Math.max(1, ...latest.items.map((place) => place.count));
  table.tBodies[0].replaceChildren(...latest.items.map((place) => row(place, most)));
}

export function showPopular({ data, problem }) {
  if (problem) {
    if (!latest) $("popular-note").textContent = `Unknown: ${problem}.`;
    return;
  }
  latest = data;
  reached(data?.window_end);
  show();
}

export function showWindows({ data, problem }) {
  if (problem) return;
  windows = data?.windows ?? [];
  show();
}
