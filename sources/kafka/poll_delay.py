"""The delay until the next poll of a partition whose records have all been read.

Downstream work starts when the watermark moves, and one batch of events costs a fraction of what
eight small ones cost. So the delay ends shortly before the watermark is expected to move. Event
times are whole seconds, so that in a live stream this is about a second after the last move.
"""

from __future__ import annotations

from collections.abc import Hashable

SHORTEST_SECONDS = 0.05
"""The delay while the watermark may move at any moment."""
LONGEST_SECONDS = 0.8
SHARE = 0.8
"""The delay as a share of the clock time that one second of event time took."""


class PollDelays:
    """The delays of one job's partitions, by how fast their watermarks move.

    Results do not depend on them.
    """

    def __init__(self) -> None:
        self._moves: dict[Hashable, tuple[float, int]] = {}

    def next_delay(self, partition: Hashable, watermark: int | None, now: float) -> float:
        """Seconds of the clock until the next poll.

        Args:
            partition: which one.
            watermark: its watermark in seconds of event time, or None where it has none.
            now: the clock, in seconds.
        """
        if watermark is None:
            return SHORTEST_SECONDS
        last = self._moves.get(partition)
        if last and watermark <= last[1]:
            return SHORTEST_SECONDS
        then, before = last or (now, watermark)
        self._moves[partition] = now, watermark
        second = (now - then) / max(watermark - before, 1)
        return min(max(SHARE * second, SHORTEST_SECONDS), LONGEST_SECONDS)
