import { $, el, moment, percent } from "./dom.js";

const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toPrecision(3)}`;

function difference(found) {
  return found ? `${signed(found.value)} (${signed(found.low)} to ${signed(found.high)})` : "–";
}

function row(decision) {
  return el("tr", {},
    el("td", { class: "when" }, decision.time ? moment(decision.time).replace(" UTC", "") : "by hand"),
    el("td", {}, decision.action), el("td", { class: "wide" }, decision.candidate || "–"),
    el("td", {}, decision.version || "none"), el("td", { class: "num" }, difference(decision.difference)),
    el("td", { class: "wide" }, decision.reason));
}

export function showDecisions({ data }) {
  $("loop").hidden = !data.present;
  const arms = data.arms.map((arm) => `${arm.version} (${percent(arm.share)} of the users)`);
  $("loop-note").textContent = arms.length
    ? `In use: ${arms.join(", ")}${data.arms[0].since ? `, from event time ${moment(data.arms[0].since)} on` : ""}.`
    : "No version is in use.";
  $("decisions").tBodies[0].replaceChildren(...data.decisions.map(row));
}
