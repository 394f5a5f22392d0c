// The latest event time that the page has received.
let latest = 0;

export function reached(time) {
  if (typeof time === "number") latest = Math.max(latest, time);
}

/** Whether event time has reached `time`. */
export const isOver = (time) => latest >= time;
