import { draw, erase } from "./charts.js";
import { $, number } from "./dom.js";

const LINES = { views: "pv", "carts →": "cart", "favourites →": "fav", "buys →": "buy" };

export function showActivity({ data, problem }) {
  if (problem) return;
  const minutes = data?.minutes;
  if (!minutes || minutes.minute.length < 2) {
    $("activity-note").textContent = minutes ? "One minute so far." : "No store has events by minute yet (SQL stores have them).";
    erase($("activity-chart"));
    return;
  }
  $("activity-note").textContent = "Over event time; lines with an arrow use the scale on the right.";
  // A minute without events has no row; it is drawn as zero.
  const [first, last] = [minutes.minute[0], minutes.minute.at(-1)];
  const places = new Map(minutes.minute.map((minute, place) => [minute, place]));
  const step = 60 * Math.max(1, Math.ceil((last - first) / 60 / 240));
  const times = [];
  const sums = Object.values(LINES).map(() => []);
  for (let time = first; time <= last; time += step) {
    times.push(time);
    Object.values(LINES).forEach((name, line) => {
      let sum = 0;
      for (let minute = time; minute < time + step; minute += 60) sum += minutes[name][places.get(minute)] ?? 0;
      sums[line].push(sum * 60 / step);
    });
  }
  draw($("activity-chart"), Object.keys(LINES), [times, ...sums], number);
}
