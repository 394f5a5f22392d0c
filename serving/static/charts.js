// Lines over time by uPlot, in the page's colours.
/* global uPlot */

const INKS = {
  light: ["#0b6e8a", "#b3541e", "#6b4fa0", "#18794e", "#a12a5e", "#59636e"],
  dark: ["#58c4e0", "#f0a35e", "#b79cf0", "#5fd39b", "#f08cb6", "#9dabb8"],
};
const HEIGHT = 170;

/** Times along the axis, UTC: the day where it changes, seconds where they differ. */
function times(plot, ticks) {
  const fine = ticks.length > 1 && ticks[1] - ticks[0] < 60;
  return ticks.map((tick, place) => {
    const text = new Date(tick * 1000).toISOString();
    const clock = text.slice(11, fine ? 19 : 16);
    const sameDay = place && Math.floor(tick / 86400) === Math.floor(ticks[place - 1] / 86400);
    return sameDay ? clock : `${clock}\n${text.slice(0, 10)}`;
  });
}
const charts = new Map();

function options(holder, series, format) {
  const style = getComputedStyle(document.documentElement);
  const inks = INKS[document.documentElement.dataset.theme] || INKS.light;
  const axis = {
    stroke: style.getPropertyValue("--quiet"),
    grid: { stroke: style.getPropertyValue("--line"), width: 1 },
    ticks: { show: false },
  };
  return {
    width: Math.max(200, holder.clientWidth),
    height: HEIGHT,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    scales: { y: { range: (plot, low, high) => [0, high > 0 ? high * 1.1 : 1] } },
    axes: [{ ...axis, values: times, space: 64 }, { ...axis, size: 58, values: (plot, ticks) => ticks.map(format) }],
    series: [
      { label: "UTC", value: (plot, at) => (at === null ? "–" : new Date(at * 1000).toISOString().slice(0, 19).replace("T", " ")) },
      ...series.map((label, place) => ({
        label,
        stroke: inks[place % inks.length],
        width: 2,
        spanGaps: true,
        points: { show: false },
        value: (plot, value) => (value === null ? "–" : format(value)),
      })),
    ],
    legend: { live: true },
  };
}

/** Draws or redraws: `data` is uPlot's, times first; `series` the names of the lines. */
export function draw(holder, series, data, format) {
  const known = charts.get(holder);
  if (known && known.series.join("\n") === series.join("\n")) {
    known.data = data;
    known.plot.setData(data);
    return;
  }
  known?.plot.destroy();
  const plot = new uPlot(options(holder, series, format), data, holder);
  charts.set(holder, { plot, series, data, format });
}

/** Takes a chart away. */
export function erase(holder) {
  charts.get(holder)?.plot.destroy();
  charts.delete(holder);
}

addEventListener("themechange", () => {
  for (const [holder, { series, data, format }] of [...charts]) {
    erase(holder);
    draw(holder, series, data, format);
  }
});

new ResizeObserver(() => {
  for (const [holder, { plot }] of charts) {
    const width = Math.max(200, holder.clientWidth);
    if (plot.width !== width) plot.setSize({ width, height: HEIGHT });
  }
}).observe(document.body);

const SVG = "http://www.w3.org/2000/svg";

/** A line as high as its line of text: counts of an item over windows. */
export function spark(values) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "spark");
  svg.setAttribute("viewBox", "0 0 110 22");
  svg.setAttribute("aria-hidden", "true");
  const top = Math.max(1, ...values);
  const step = values.length > 1 ? 110 / (values.length - 1) : 0;
  const line = document.createElementNS(SVG, "polyline");
  line.setAttribute("points", values.map((value, place) =>
    `${(place * step).toFixed(1)},${(20 - 18 * value / top).toFixed(1)}`).join(" "));
  svg.append(line);
  return svg;
}
