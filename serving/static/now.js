// The moment of event time that the page knows of.
let moment = 0;

export function reached(time) {
  if (typeof time === "number") moment = Math.max(moment, time);
}

/** Whether event time has come to `time`. */
export const isOver = (time) => moment >= time;
