import { $, el, moment, number } from "./dom.js";

let received = null;
let chosen = null;

function chip(reason, text) {
  return el("button", {
    type: "button", class: "chip", "aria-pressed": String(chosen === reason), "data-reason": reason ?? "",
    onclick: () => { chosen = reason; show(); },
  }, text);
}

function row(deadLetter) {
  const time = typeof deadLetter.time === "number" ? moment(deadLetter.time).replace(" UTC", "") : "";
  return el("tr", {},
    el("td", {}, deadLetter.reason), el("td", { class: "wide" }, deadLetter.source),
    el("td", { class: "wide when" }, time), el("td", { class: "raw" }, deadLetter.raw));
}

function show() {
  const focused = document.activeElement?.dataset?.reason;
  const reasons = Object.entries(received.reasons);
  if (chosen !== null && !(chosen in received.reasons)) chosen = null;
  const deadLetters = received.letters.filter((one) => chosen === null || one.reason === chosen);
  $("dead").hidden = !deadLetters.length;
  $("dead-note").textContent = !received.present ? "There is no file of dead letters: there are none yet, or the server was started with another --dead_letters."
    : reasons.length ? `The newest of each reason. Counts are those of the file's last ${number(received.looked_at)} lines.` : "None.";
  $("dead-reasons").replaceChildren(...(reasons.length ? [chip(null, "all")] : []),
    ...reasons.map(([reason, count]) => chip(reason, `${reason} ${number(count)}`)));
  if (focused !== undefined) $("dead-reasons").querySelector(`[data-reason="${CSS.escape(focused)}"]`)?.focus();
  $("dead").tBodies[0].replaceChildren(...deadLetters.map(row));
}

export function showDeadLetters({ data }) {
  received = data;
  show();
}
