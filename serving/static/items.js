// Items by their titles, where the job has a catalogue. Elements begin with the id; the title and
// the picture follow when the server has answered.
import { el, parse } from "./dom.js";

const MOST = 100;
const KEPT_MS = 60_000;
const known = new Map();
const wanted = new Set();
let timer = null;

function fill(place, item) {
  if (!item?.title) return;
  place.title = `item ${item.item}`;
  const picture = item.picture ? [el("img", { src: item.picture, alt: "", loading: "lazy", class: "picture" })] : [];
  place.replaceChildren(...picture, item.title);
}

async function ask() {
  timer = null;
  const ids = [...wanted].slice(0, MOST);
  ids.forEach((id) => wanted.delete(id));
  if (wanted.size) timer = setTimeout(ask, 0);
  const found = new Map();
  try {
    const response = await fetch(`/items?${new URLSearchParams(ids.map((id) => ["item", id]))}`);
    if (!response.ok) return;
    for (const item of parse(await response.text()).items) found.set(item.item, item);
  } catch {
    return;  // They keep their ids.
  }
  const until = Date.now() + KEPT_MS;
  ids.forEach((id) => known.set(id, { until, item: found.get(id) ?? null }));
  for (const place of document.querySelectorAll("[data-item]")) {
    if (found.has(place.dataset.item)) fill(place, found.get(place.dataset.item));
  }
}

/** An element that shows an item: its title, or its id where no title is known. */
export function itemName(id) {
  const text = String(id);
  const place = el("span", { "data-item": text }, text);
  const entry = known.get(text);
  if (entry) fill(place, entry.item);
  if (!entry || entry.until < Date.now()) {
    wanted.add(text);
    timer ??= setTimeout(ask, 20);
  }
  return place;
}
