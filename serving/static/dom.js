// Helpers for elements and formats. Text is inserted as text, never as HTML: what stores hold is
// not trusted.

export const $ = (id) => document.getElementById(id);

/** An element: el("td", {class: "num"}, "7"). */
export function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "onclick") made.addEventListener("click", value);
    else if (value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.map((child) => (child instanceof Node ? child : String(child))));
  return made;
}

/** Parses JSON; integers beyond 2^53 become their text. */
export function parse(text) {
  return JSON.parse(text, (key, value, context) =>
    typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value) && context?.source
      ? context.source : value);
}

const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** 12345 as 12,345; from ten million on as 12.3M. */
export function number(value) {
  if (value === null || value === undefined) return "–";
  return Math.abs(value) >= 1e7 ? short.format(value) : whole.format(Math.round(value));
}

export const percent = (value) => `${(100 * value).toFixed(1)} %`;

export const wholePercent = (value) => `${Number((100 * value).toFixed(1))} %`;

/** Seconds since the epoch as UTC. */
export function moment(seconds) {
  if (typeof seconds !== "number") return "–";
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? "–" : `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** A duration. */
export function span(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const size = Math.abs(seconds);
  if (size < 120) return `${Math.round(seconds)} s`;
  if (size < 7200) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
