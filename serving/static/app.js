// The page: figures arrive as server-sent events; a module for each topic shows them.
import { showActivity } from "./activity.js";
import { $, el, parse } from "./dom.js";
import { showDeadLetters } from "./dead.js";
import { showHeartbeat, showHeartbeats, showJob } from "./job.js";
import { showDecisions } from "./loop.js";
import { showPolicies } from "./policies.js";
import { showPopular, showWindows } from "./popular.js";
import { startUsers } from "./user.js";

const EXPLANATIONS = {
  absent: "is not there yet: start a job, for example with make run",
  empty: "is empty: the job has written nothing yet",
};
let states = "";
const users = startUsers();

function showHealth(stores) {
  $("notices").replaceChildren(...stores.filter((store) => store.state !== "ok").map((store) =>
    el("p", { class: "notice" }, store.state === "down"
      ? `${store.store} is down: ${store.detail || "it does not answer"}. The figures below are its last ones.`
      : `${store.store} ${EXPLANATIONS[store.state]}.`)));
  $("stores").textContent = `Read only, from ${stores.map((store) => store.store).join(", ")}`;
  const now = stores.map((store) => store.state).join();
  if (states && now !== states) users.then((panel) => panel.suggest());
  states = now;
}

function showConnection(text, kind) {
  $("state").textContent = text;
  $("state").className = `pill ${kind}`;
}

const TOPICS = {
  health: showHealth, popular: showPopular, windows: showWindows, policies: showPolicies,
  activity: showActivity, job: showJob, heartbeats: showHeartbeats, heartbeat: showHeartbeat, dead_letters: showDeadLetters,
  decisions: showDecisions,
};

const source = new EventSource("/events");
source.onopen = () => showConnection("live", "live");
source.onerror = () => showConnection("no connection; trying again", "lost");
for (const [topic, show] of Object.entries(TOPICS)) {
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
