// Line charts over time (uPlot) in the page's colours.
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
const onRight = (label) => label.endsWith("→");
const fromZero = { range: (plot, low, high) => [0, high > 0 ? high * 1.1 : 1] };

function options(holder, series, format, axisFormat) {
  const style = getComputedStyle(document.documentElement);
  const inks = INKS[document.documentElement.dataset.theme] || INKS.light;
  const axis = {
    stroke: style.getPropertyValue("--quiet"),
    grid: { stroke: style.getPropertyValue("--line"), width: 1 },
    ticks: { show: false },
  };
  const values = (plot, ticks) => ticks.map(axisFormat);
  const right = series.some(onRight) ? [{ ...axis, scale: "right", side: 1, size: 44, grid: { show: false }, values }] : [];
  return {
    width: Math.max(200, holder.clientWidth),
    height: HEIGHT,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    scales: { y: fromZero, right: fromZero },
    axes: [{ ...axis, values: times, space: 64 }, { ...axis, size: 54, values }, ...right],
    cursor: { y: false, drag: { setScale: false } },
    series: [
      { label: "", value: (plot, at) => (at === null ? "" : `${new Date(at * 1000).toISOString().slice(0, 19).replace("T", " ")} UTC`) },
      ...series.map((label, place) => ({
        label,
        scale: onRight(label) ? "right" : "y",
        stroke: inks[place % inks.length],
        width: 2,
        spanGaps: true,
        points: { show: false },
        value: (plot, value) => (value === null ? "–" : format(value)),
      })),
    ],
  };
}

/** Shows the newest values in the legend while no pointer is over the chart. */
function showNewest(plot) {
  const last = plot.data[0].length - 1;
  if (last >= 0) plot.setLegend({ idx: last });
}

/** Draws or redraws: `data` is uPlot's, times first; `series` the names of the lines. */
export function draw(holder, series, data, format, axisFormat = format) {
  const known = charts.get(holder);
  if (known && known.series.join("\n") === series.join("\n")) {
    known.data = data;
    known.plot.setData(data);
    if (known.plot.cursor.left < 0 || known.plot.cursor.left === undefined) showNewest(known.plot);
    return;
  }
  known?.plot.destroy();
  const plot = new uPlot(options(holder, series, format, axisFormat), data, holder);
  plot.over.addEventListener("mouseleave", () => requestAnimationFrame(() => showNewest(plot)));
  requestAnimationFrame(() => showNewest(plot));
  charts.set(holder, { plot, series, data, format, axisFormat });
}

/** Removes a chart. */
export function erase(holder) {
  charts.get(holder)?.plot.destroy();
  charts.delete(holder);
}

addEventListener("themechange", () => {
  for (const [holder, { series, data, format, axisFormat }] of [...charts]) {
    erase(holder);
    draw(holder, series, data, format, axisFormat);
  }
});

new ResizeObserver(() => {
  for (const [holder, { plot }] of charts) {
    const width = Math.max(200, holder.clientWidth);
    if (plot.width !== width) plot.setSize({ width, height: HEIGHT });
  }
}).observe(document.body);

const SVG = "http://www.w3.org/2000/svg";

/** A sparkline: an item's counts over windows, null where it has none. */
export function spark(values) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "spark");
  svg.setAttribute("viewBox", "0 0 110 22");
  svg.setAttribute("aria-hidden", "true");
  const top = Math.max(1, ...values);
  const step = values.length > 1 ? 110 / (values.length - 1) : 0;
  let path = "";
  let drawing = false;
  values.forEach((value, place) => {
    if (value !== null) {
      const at = `${(place * step).toFixed(1)} ${(20 - 18 * value / top).toFixed(1)}`;
      // A single value is a dot: a line of zero length with round ends.
      path += drawing ? `L${at}` : `M${at}l0 0`;
    }
    drawing = value !== null;
  });
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}
