import { draw } from "./charts.js";
import { $, el, moment, number, span } from "./dom.js";

const MOST_PULSES = 600;
let pulses = [];
let values = null;

function tile(name, value, title = "") {
  return el("div", { class: "tile", title }, el("b", {}, value), el("span", {}, name));
}

function show() {
  const pulse = pulses.at(-1);
  const tiles = $("tiles");
  if (!values) {
    tiles.replaceChildren();
    $("rate-note").textContent = "No store has a job's counts yet (SQL stores keep them).";
    return;
  }
  tiles.replaceChildren(
    tile("events a second", number(pulse?.rate)),
    tile("events", number(values.events)),
    tile("watermark lag", span(pulse?.lag), "How far event time is behind"),
    tile("late", number(values.late)),
    tile("malformed", number(values.malformed)),
    tile("duplicates", number(values.duplicates)));
  const running = pulse?.running === false ? "The job has ended or stands still. " : "";
  const watermark = typeof values.watermark === "number" ? `Event time is at ${moment(values.watermark)}.` : "";
  $("rate-note").textContent = running + watermark;
  if (pulses.some((one) => one.rate !== null)) {
    draw($("rate-chart"), ["events a second"], [pulses.map((one) => one.at), pulses.map((one) => one.rate)], number);
  }
}

export function showJob({ data, problem }) {
  if (problem) return;
  values = data?.values ?? null;
  show();
}

export function showPulses(all) {
  pulses = all;
  show();
}

export function showPulse(one) {
  pulses.push(one);
  if (pulses.length > MOST_PULSES) pulses.shift();
  show();
}

export function showDeadLetters({ data }) {
  const table = $("dead");
  table.hidden = !data.letters.length;
  $("dead-note").textContent = !data.present ? "There is no file of dead letters."
    : data.letters.length ? `The last ${number(data.letters.length)} of the file; counts are of its last ${number(data.looked_at)}`
      : "None.";
  $("dead-reasons").replaceChildren(...Object.entries(data.reasons).map(([reason, count]) =>
    el("span", { class: "chip" }, `${reason} ${number(count)}`)));
  table.tBodies[0].replaceChildren(...data.letters.map((letter) => el("tr", {},
    el("td", {}, letter.reason), el("td", {}, letter.source), el("td", { class: "raw" }, letter.raw))));
}
