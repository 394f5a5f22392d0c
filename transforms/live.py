"""What this process has done so far, for the progress line of a run inside one process.

Beam's counters are the truth, but a runner gives them at the end of a bundle or of the job;
a reader of the progress line wants them now.
"""

from __future__ import annotations

import threading

_LOCK = threading.Lock()
_SEEN: dict[str, int] = {}


def add(name: str, amount: int) -> None:
    """Counts `amount` more of `name`."""
    with _LOCK:
        _SEEN[name] = _SEEN.get(name, 0) + amount


def reach(name: str, value: int) -> None:
    """Raises `name` to `value`, never down."""
    with _LOCK:
        _SEEN[name] = max(_SEEN.get(name, value), value)


def seen() -> dict[str, int]:
    """All that was counted, by name."""
    with _LOCK:
        return dict(_SEEN)


def reset() -> None:
    """Begins anew."""
    with _LOCK:
        _SEEN.clear()
