import { $, el, moment, number } from "./dom.js";

let last = null;
let chosen = null;

function chip(reason, text) {
  return el("button", {
    type: "button", class: "chip", "aria-pressed": String(chosen === reason), "data-reason": reason ?? "",
    onclick: () => { chosen = reason; show(); },
  }, text);
}

function row(letter) {
  const time = typeof letter.time === "number" ? moment(letter.time).replace(" UTC", "") : "";
  return el("tr", {},
    el("td", {}, letter.reason), el("td", { class: "wide" }, letter.source),
    el("td", { class: "wide when" }, time), el("td", { class: "raw" }, letter.raw));
}

function show() {
  const focused = document.activeElement?.dataset?.reason;
  const reasons = Object.entries(last.reasons);
  if (chosen !== null && !(chosen in last.reasons)) chosen = null;
  const letters = last.letters.filter((letter) => chosen === null || letter.reason === chosen);
  $("dead").hidden = !letters.length;
  $("dead-note").textContent = !last.present ? "There is no file of dead letters: nothing has been refused yet, or the file is elsewhere (--dead_letters)."
    : reasons.length ? `The newest of each reason. Counts are of the file's last ${number(last.looked_at)} lines.` : "None.";
  $("dead-reasons").replaceChildren(...(reasons.length ? [chip(null, "all")] : []),
    ...reasons.map(([reason, count]) => chip(reason, `${reason} ${number(count)}`)));
  if (focused !== undefined) $("dead-reasons").querySelector(`[data-reason="${CSS.escape(focused)}"]`)?.focus();
  $("dead").tBodies[0].replaceChildren(...letters.map(row));
}

export function showDeadLetters({ data }) {
  last = data;
  show();
}
