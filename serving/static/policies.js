import { draw, erase } from "./charts.js";
import { $, el, number, percent, wholePercent } from "./dom.js";

const MAX_POLICIES = 6;
const MAX_POINTS = 120;

/** Sums over intervals of event time, so that a line has a hundred points, not thousands. */
function binned(policies) {
  const minutes = policies.flatMap((policy) => policy.minute);
  const first = minutes.reduce((least, minute) => Math.min(least, minute), Infinity);
  const last = minutes.reduce((most, minute) => Math.max(most, minute), -Infinity);
  const width = 60 * Math.max(1, Math.ceil((last - first + 60) / 60 / MAX_POINTS));
  const bins = Math.floor((last - first) / width) + 1;
  const times = Array.from({ length: bins }, (_, bin) => first + bin * width);
  const sums = policies.map((policy) => {
    const sum = times.map(() => [0, 0, 0]);
    policy.minute.forEach((minute, place) => {
      const bin = sum[Math.floor((minute - first) / width)];
      bin[0] += policy.recommendations[place];
      bin[1] += policy.hits[place];
      bin[2] += policy.reward[place];
    });
    return sum;
  });
  return { times, sums };
}

const total = (column) => column.reduce((sum, value) => sum + value, 0);

const LEAST_MINUTES = 10;

/** The mean reward with its 95% interval, of a ratio of sums over independent minutes. */
function reward(policy) {
  const shown = total(policy.recommendations);
  if (!shown) return "–";
  const mean = total(policy.reward) / shown;
  const residuals = policy.recommendations.map((count, place) => policy.reward[place] - mean * count);
  const minutes = policy.recommendations.filter((count) => count > 0).length;
  if (minutes < LEAST_MINUTES) return mean.toFixed(2);
  const squares = total(residuals.map((residual) => residual * residual));
  const margin = 1.96 * Math.sqrt((minutes / (minutes - 1)) * squares) / shown;
  return `${mean.toFixed(2)} ± ${margin.toFixed(2)}`;
}

export function showPolicies({ data, problem }) {
  if (problem) return;
  const all = data?.policies ?? [];
  const policies = [...all]
    .sort((one, other) => total(other.recommendations) - total(one.recommendations))
    .slice(0, MAX_POLICIES);
  const table = $("policy-table");
  $("reward").hidden = !policies.length;
  const note = $("policies-note");
  if (!policies.length) {
    note.textContent = "No results yet: a recommendation has its result at the end of the reward window. SQL stores have them.";
    erase($("hit-chart"));
    erase($("reward-chart"));
    return;
  }
  note.textContent = all.length > policies.length
    ? `The ${policies.length} policies with the most recommendations, of ${all.length}, over event time.`
    : "Share of the recommendations with an event of the user on one of their items, over event time.";
  table.tBodies[0].replaceChildren(...policies.map((policy) => {
    const shown = total(policy.recommendations);
    return el("tr", {}, el("td", {}, policy.policy), el("td", { class: "num" }, number(shown)),
      el("td", { class: "num" }, shown ? percent(total(policy.hits) / shown) : "–"),
      el("td", { class: "num" }, reward(policy)));
  }));
  const { times, sums } = binned(policies);
  const names = policies.map((policy) => policy.policy);
  const share = (column) => sums.map((sum) => sum.map((bin) => (bin[0] ? bin[column] / bin[0] : null)));
  draw($("hit-chart"), names, [times, ...share(1)], percent, wholePercent);
  draw($("reward-chart"), names, [times, ...share(2)], (value) => value.toFixed(2));
}
