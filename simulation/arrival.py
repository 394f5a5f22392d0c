"""From the order in which things happen to the order in which they arrive.

An event arrives up to `out_of_orderness` seconds after its time, so that when it does, the
largest time seen is at most that much ahead of its own. An exact duplicate arrives after its
event, within the same bound. A late event arrives when the largest time seen before it is
`late_by` seconds or more ahead of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.messages.events import EventBatch

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

TICKS = 1_000
"""Arrivals are ordered to the millisecond."""


class StreamTooShortError(ValueError):
    """Too few events are followed by others that are so much later."""


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """Events in the order of their arrival.

    Attributes:
        events: the events, with the duplicates among them.
        duplicate: bool [n], exact repetitions of an event before.
        late: bool [n], events that come after their time has been passed by `late_by`.
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
    """The events, which are in event-time order, in the order of their arrival.

    Args:
        events: all different, by time.
        rng: draws delays, and which events are repeated or late.
        out_of_orderness: bound of the delays, in seconds.
        duplicates: how many events are there a second time, in addition to `events`.
        late: how many of `events` are late; a late one is not duplicated.
        late_by: seconds by which they are late, at least; up to twice that.

    Raises:
        StreamTooShortError: there are not enough events to be late or to be repeated.
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
    arrival[is_late] = _overtaken(events.time, arrival, is_late, rng, late_by)
    # Stable, and a duplicate stands behind its event: at equal times it comes after it.
    row = np.concatenate((np.arange(len(events)), repeated))
    is_copy = np.arange(len(row)) >= len(events)
    order = np.argsort(np.concatenate((arrival, again)), kind="stable")
    return Arrivals(events.take(row[order]), is_copy[order], is_late[row[order]])


def _choose_late(events: EventBatch, rng: np.random.Generator, late: int, late_by: float) -> Bools:
    """Marks `late` events that some other event follows by twice `late_by`."""
    chosen = np.zeros(len(events), bool)
    if not late:
        return chosen
    # The newest event of all stays on time and overtakes them.
    able = np.count_nonzero(events.time <= events.time[-1] - _longest(late_by))
    if late > able:
        raise StreamTooShortError(
            f"{late} events cannot be late by {late_by:g} to {2 * late_by:g} s: "
            f"only {able} events are that far from the stream's end"
        )
    chosen[rng.choice(able, late, replace=False)] = True
    return chosen


def _overtaken(
    time: Int64s, arrival: Int64s, is_late: Bools, rng: np.random.Generator, late_by: float
) -> Int64s:
    """When the late events arrive: just after one that is so much newer has."""
    if not is_late.any():
        return np.empty(0, np.int64)
    prompt = np.flatnonzero(~is_late)
    order = prompt[np.argsort(arrival[prompt], kind="stable")]
    largest = np.maximum.accumulate(time[order])
    lag = rng.integers(_shortest(late_by), _longest(late_by) + 1, np.count_nonzero(is_late))
    overtaker = np.searchsorted(largest, time[is_late] + lag, side="left")
    # A tick more than the overtaker's, so that it surely comes first.
    return np.asarray(arrival[order[overtaker]] + 1)


def _shortest(late_by: float) -> int:
    return int(np.ceil(late_by))


def _longest(late_by: float) -> int:
    return int(np.ceil(2 * late_by))
