"""From event-time order to arrival order.

An event arrives up to `out_of_orderness` seconds after its event time. When it arrives, the maximum
event time of the stream so far is at most that much later. A duplicate arrives after its event,
within the same bound. A late event arrives when the maximum event time is later by at least
`late_by` seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.messages.events import EventBatch

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

TICKS = 1_000
"""Resolution of arrival times: ticks per second."""


class StreamTooShortError(ValueError):
    """The stream has too few events for the requested late events or duplicates."""


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """Events in the order of their arrival.

    Attributes:
        events: the events, including the duplicates.
        duplicate: bool [n], exact repetitions of an earlier event.
        late: bool [n], events that are late by `late_by` or more.
    """

    events: EventBatch
    duplicate: Bools
    late: Bools


def arrive(
    events: EventBatch,
    rng: np.random.Generator,
    out_of_orderness: float = 0.0,
    duplicates: int = 0,
    late: int = 0,
    late_by: float = 120.0,
) -> Arrivals:
    """Delays events, repeats some of them, and orders all by arrival.

    Args:
        events: distinct events, ordered by time.
        rng: source of the delays and of the choice of duplicates and late events.
        out_of_orderness: maximum delay, in seconds.
        duplicates: number of duplicates, in addition to `events`.
        late: number of late events among `events`; late events are not duplicated.
        late_by: minimum lateness, in seconds; the maximum is twice as much.

    Raises:
        StreamTooShortError: there are not enough events for `late` or `duplicates`.
    """
    is_late = _choose_late(events, rng, late, late_by)
    prompt = np.flatnonzero(~is_late)
    if duplicates > len(prompt):
        raise StreamTooShortError(
            f"{duplicates} duplicates are more than the {len(prompt)} events that are on time"
        )
    repeated = np.sort(rng.choice(prompt, duplicates, replace=False))
    bound = round(out_of_orderness * TICKS)
    due = events.time * TICKS
    arrival = due + rng.integers(0, bound + 1, len(events))
    again = rng.integers(arrival[repeated], due[repeated] + bound + 1)
    arrival[is_late] = _late_arrivals(events.time, arrival, is_late, rng, late_by)
    # The sort is stable: at equal arrival times a duplicate follows its event.
    row = np.concatenate((np.arange(len(events)), repeated))
    is_copy = np.arange(len(row)) >= len(events)
    order = np.argsort(np.concatenate((arrival, again)), kind="stable")
    return Arrivals(events.take(row[order]), is_copy[order], is_late[row[order]])


def _choose_late(events: EventBatch, rng: np.random.Generator, late: int, late_by: float) -> Bools:
    """Chooses `late` events that end at least twice `late_by` before the stream's end."""
    chosen = np.zeros(len(events), bool)
    if not late:
        return chosen
    # The last event is on time, and is later than all of them by that much.
    candidates = np.count_nonzero(events.time <= events.time[-1] - _longest(late_by))
    if late > candidates:
        raise StreamTooShortError(
            f"{late} events cannot be late by {late_by:g} to {2 * late_by:g} s: "
            f"only {candidates} events are that far from the stream's end"
        )
    chosen[rng.choice(candidates, late, replace=False)] = True
    return chosen


def _late_arrivals(
    time: Int64s, arrival: Int64s, is_late: Bools, rng: np.random.Generator, late_by: float
) -> Int64s:
    """Arrival times of late events: just after an event that is later by the lateness."""
    if not is_late.any():
        return np.empty(0, np.int64)
    prompt = np.flatnonzero(~is_late)
    order = prompt[np.argsort(arrival[prompt], kind="stable")]
    largest = np.maximum.accumulate(time[order])
    lag = rng.integers(_shortest(late_by), _longest(late_by) + 1, np.count_nonzero(is_late))
    later_event = np.searchsorted(largest, time[is_late] + lag, side="left")
    # A tick after the other event, which therefore comes first.
    return np.asarray(arrival[order[later_event]] + 1)


def _shortest(late_by: float) -> int:
    return int(np.ceil(late_by))


def _longest(late_by: float) -> int:
    return int(np.ceil(2 * late_by))
