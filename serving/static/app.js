// The page: numbers come as server-sent events, each shown by the module of its subject.
import { showActivity } from "./activity.js";
import { $, el, parse } from "./dom.js";
import { showDeadLetters } from "./dead.js";
import { showJob, showPulse, showPulses } from "./job.js";
import { showPolicies } from "./policies.js";
import { showPopular, showWindows } from "./popular.js";
import { startUsers } from "./user.js";

const SAYINGS = {
  absent: "is not there yet: start a job, for example with make run",
  empty: "is empty: the job has written nothing yet",
};
let known = "";
const users = startUsers();

function showHealth(stores) {
  $("notices").replaceChildren(...stores.filter((store) => store.state !== "ok").map((store) =>
    el("p", { class: "notice" }, store.state === "down"
      ? `${store.store} is down: ${store.detail || "it does not answer"}. What it said before stays below.`
      : `${store.store} ${SAYINGS[store.state]}.`)));
  $("stores").textContent = `Read only, from ${stores.map((store) => store.store).join(", ")}`;
  const now = stores.map((store) => store.state).join();
  if (known && now !== known) users.then((panel) => panel.suggest());
  known = now;
}

function state(text, kind) {
  $("state").textContent = text;
  $("state").className = `pill ${kind}`;
}

const SUBJECTS = {
  health: showHealth, popular: showPopular, windows: showWindows, policies: showPolicies,
  activity: showActivity, job: showJob, pulses: showPulses, pulse: showPulse, dead_letters: showDeadLetters,
};

const source = new EventSource("/events");
source.onopen = () => state("live", "live");
source.onerror = () => state("no connection; trying again", "lost");
for (const [topic, show] of Object.entries(SUBJECTS)) {
  source.addEventListener(topic, (event) => {
    show(parse(event.data));
    if (topic === "job" || topic === "popular") users.then((panel) => panel.refresh());
  });
}
addEventListener("pagehide", () => source.close());

const image = $("graph-image");
const noGraph = () => {
  image.closest("a").hidden = true;
  $("graph-note").textContent = "No graph has been drawn yet: make graph.";
};
image.addEventListener("error", noGraph);
if (image.complete && !image.naturalWidth) noGraph();
