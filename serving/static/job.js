import { draw } from "./charts.js";
import { $, el, moment, number, span } from "./dom.js";
import { reached } from "./now.js";

const MAX_HEARTBEATS = 600;
let heartbeats = [];
let job = null;

function tile(name, value, title = "", kind = "") {
  return el("div", { class: `tile ${kind}`.trim(), title }, el("b", {}, value), el("span", {}, name));
}

function lagTile(heartbeat) {
  return heartbeat?.lag == null
    ? tile("backlog", span(heartbeat?.backlog), "Event time from the last complete pane to the newest event read")
    : tile("watermark lag", span(heartbeat.lag), "Time from the watermark to the clock");
}

function lateTile(heartbeat) {
  return heartbeat?.late_alarm
    ? tile("late: alarm", number(job.late), "The share of late events exceeds the job's --late_alarm", "alarm")
    : tile("late", number(job.late), "Events after the end of their pane");
}

/** Counters that are zero in a job without faults are shown only if they are not zero. */
function faultTile(name, count, title) {
  return count ? [tile(name, number(count), title, "alarm")] : [];
}

function show() {
  const heartbeat = heartbeats.at(-1);
  const tiles = $("tiles");
  if (!job) {
    tiles.replaceChildren();
    $("rate-note").textContent = "No store has a job's counters yet (SQL stores have them).";
    return;
  }
  tiles.replaceChildren(
    tile("events a second", number(heartbeat?.rate), "Read in the last seconds, by the clock"),
    tile("events", number(job.closed), "Distinct events in complete panes"),
    tile("recommendations", number(job.recommendations)),
    lagTile(heartbeat),
    lateTile(heartbeat),
    tile("malformed", number(job.malformed), "Input records that are no events"),
    tile("duplicates", number(job.duplicates), "Events that were read before"),
    ...faultTile("from the future", job.future, "Events further ahead of the clock than --max_future"),
    ...faultTile("expired", job.expired, "Kafka records that were deleted before the job read them"));
  const workers = job.workers === 1 ? "one worker" : `${number(job.workers)} workers`;
  $("rate-note").textContent = heartbeat?.running === false
    ? `The job has ended, or has not reported since ${moment(job.updated_at)}. Event time is ${moment(job.closed_to)}.`
    : `Events read a second by ${workers}, by the clock. Event time is ${moment(job.closed_to)}.`;
  if (heartbeats.filter((one) => one.rate !== null).length > 1) {
    draw($("rate-chart"), ["events a second"], [heartbeats.map((one) => one.at), heartbeats.map((one) => one.rate)], number);
  }
}

export function showJob({ data, problem }) {
  if (problem) return;
  job = data;
  reached(data?.closed_to);
  show();
}

export function showHeartbeats(all) {
  heartbeats = all;
  show();
}

export function showHeartbeat(one) {
  heartbeats.push(one);
  if (heartbeats.length > MAX_HEARTBEATS) heartbeats.shift();
  show();
}
