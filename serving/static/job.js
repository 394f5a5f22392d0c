import { draw } from "./charts.js";
import { $, el, moment, number, span } from "./dom.js";
import { reached } from "./now.js";

const MOST_PULSES = 600;
let pulses = [];
let job = null;

function tile(name, value, title = "") {
  return el("div", { class: "tile", title }, el("b", {}, value), el("span", {}, name));
}

function lagTile(pulse) {
  return pulse?.lag == null
    ? tile("behind the newest event", span(pulse?.behind), "Seconds of event time between what was read and what is done")
    : tile("watermark lag", span(pulse.lag), "How far the watermark is behind the clock");
}

function show() {
  const pulse = pulses.at(-1);
  const tiles = $("tiles");
  if (!job) {
    tiles.replaceChildren();
    $("rate-note").textContent = "No store has a job's counts yet (SQL stores keep them).";
    return;
  }
  tiles.replaceChildren(
    tile("events a second", number(pulse?.rate), "Read in the last seconds, by the clock"),
    tile("events", number(job.closed), "Different events in closed panes"),
    tile("recommendations", number(job.recommendations)),
    lagTile(pulse),
    tile("late", number(job.late), "Came after their pane was closed"),
    tile("malformed", number(job.malformed), "Lines that are no events"),
    tile("duplicates", number(job.duplicates), "Events that came again"));
  const workers = job.workers === 1 ? "one worker" : `${number(job.workers)} workers`;
  $("rate-note").textContent = pulse?.running === false
    ? `The job has ended or stands still since ${moment(job.updated_at)}. Event time is at ${moment(job.closed_to)}.`
    : `Events read a second by ${workers}, by the clock. Event time is at ${moment(job.closed_to)}.`;
  if (pulses.filter((one) => one.rate !== null).length > 1) {
    draw($("rate-chart"), ["events a second"], [pulses.map((one) => one.at), pulses.map((one) => one.rate)], number);
  }
}

export function showJob({ data, problem }) {
  if (problem) return;
  job = data;
  reached(data?.closed_to);
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
