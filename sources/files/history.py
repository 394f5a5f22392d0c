"""Files whose events come before those of a topic (`--history`)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from sources.files.plan import FileRange
from sources.files.ranges import FileLimits, read_range

FOLLOWS = "history:"
"""Marks a start, an ISO time, that was taken from files."""


def topic_start(ranges: Iterable[FileRange], limits: FileLimits, margin: int) -> str:
    """Where a topic continues files: `FOLLOWS` and an ISO time; `earliest` after no event.

    An event that is not in the files is, but for a margin, not older than their last one; and no
    record is written before its event. Events of the margin are read twice. Equal events are one,
    and they come before their pane is closed, so that this changes nothing.

    Args:
        ranges: the files, all of which are read once for the largest time in them.
        limits: what is accepted.
        margin: seconds by which an event may be out of order.

    Raises:
        SourceError: a file cannot be read to its end.
    """
    last = -1
    for piece in ranges:
        for block in read_range(piece, limits):
            if len(block.events):
                last = max(last, int(block.events.time.max()))
    if last < 0:
        return "earliest"
    return FOLLOWS + datetime.fromtimestamp(max(last - margin, 0), UTC).isoformat()
