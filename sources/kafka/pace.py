"""When to look again at a partition of which all was read.

Between two moves of the watermark nobody waits for events: read in one batch they cost a fraction
of what they cost in eight. So the pause ends shortly before the next move is expected, which in a
live stream, whose times are whole seconds, comes about a second after the last one.
"""

from __future__ import annotations

from collections.abc import Hashable

SOON_SECONDS = 0.05
"""Where the watermark may move at any moment."""
LONGEST_SECONDS = 0.8
SHARE = 0.8
"""Of the time that a second of event time took, by the clock."""


class Pace:
    """How fast partitions' watermarks move; only how long pauses are depends on it."""

    def __init__(self) -> None:
        self._moves: dict[Hashable, tuple[float, int]] = {}

    def pause(self, partition: Hashable, watermark: int | None, now: float) -> float:
        """Seconds of the clock until the next look.

        Args:
            partition: which one.
            watermark: its watermark, in seconds, or None where it has none.
            now: the clock, in seconds.
        """
        if watermark is None:
            return SOON_SECONDS
        known = self._moves.get(partition)
        if known and watermark <= known[1]:
            return SOON_SECONDS
        then, before = known or (now, watermark)
        self._moves[partition] = now, watermark
        second = (now - then) / max(watermark - before, 1)
        return min(max(SHARE * second, SOON_SECONDS), LONGEST_SECONDS)


PACE = Pace()
"""This process's."""
