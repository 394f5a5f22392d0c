"""What this process has done so far, for the progress line and for the page.

Beam's counters are the truth, but a runner gives them at the end of a bundle or of the job;
who looks on wants them now.

read, malformed: what came from the source; read_to: the largest event time in it
closed, duplicates, late; closed_to: the end of the last closed pane, which the watermark has passed
recommendations; event_time: the largest time of one

Beside these figures: which stores do not answer just now.
"""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt

_LOCK = threading.Lock()
_SEEN: dict[str, int] = {}
_AWAITED: dict[str, int] = {}


def add(name: str, amount: int) -> None:
    """Counts `amount` more of `name`."""
    with _LOCK:
        _SEEN[name] = _SEEN.get(name, 0) + amount


def reach(name: str, value: int) -> None:
    """Raises `name` to `value`, never down."""
    with _LOCK:
        _SEEN[name] = max(_SEEN.get(name, value), value)


def saw(times: npt.NDArray[np.int64], malformed: int) -> None:
    """Counts what a source read: events with these times, and so many lines that are none."""
    add("read", len(times))
    add("malformed", malformed)
    if len(times):
        reach("read_to", int(times.max()))


def wait_for(name: str, tries: int) -> None:
    """Notes that a store has not answered for so many tries in a row; 0: it has."""
    with _LOCK:
        if tries:
            _AWAITED[name] = tries
        else:
            _AWAITED.pop(name, None)


def awaited() -> dict[str, int]:
    """The stores that do not answer, with the tries so far."""
    with _LOCK:
        return dict(_AWAITED)


def seen() -> dict[str, int]:
    """All that was counted, by name."""
    with _LOCK:
        return dict(_SEEN)


def reset() -> None:
    """Begins anew."""
    with _LOCK:
        _SEEN.clear()
        _AWAITED.clear()
