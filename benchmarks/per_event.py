"""An idiomatic per-event Beam pipeline with the same results, for comparison."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.coders import PickleCoder
from apache_beam.transforms.userstate import BagStateSpec
from apache_beam.transforms.window import IntervalWindow, SlidingWindows, TimestampedValue


def parse(line: str) -> TimestampedValue:
    """A line of CSV as (user, item) with the event's timestamp."""
    user, item, _, time = line.split(",")
    return TimestampedValue((int(user), int(item)), int(time))


class Top(beam.DoFn):
    """The 17 items with the most events of a window."""

    def process(
        self, counts: tuple[Any, Any], window: IntervalWindow = beam.DoFn.WindowParam
    ) -> Iterator[tuple[int, list[tuple[int, int]]]]:
        """Sorts and truncates."""
        yield window.end.seconds(), sorted(counts[1], key=lambda pair: (-pair[1], pair[0]))[:17]


def popular(lines: beam.PCollection[str]) -> beam.PCollection[Any]:
    """Popular items, an element for each event in each of its 45 windows."""
    return (
        lines
        | beam.Map(parse)
        | beam.Map(lambda event: (event[1], 1))
        | beam.WindowInto(SlidingWindows(3600, 80))
        | beam.CombinePerKey(sum)
        | beam.Map(lambda count: (None, count))
        | beam.GroupByKey()
        | beam.ParDo(Top())
    )


class KeepHistory(beam.DoFn):
    """The user's last 10 items, in state per user."""

    HISTORY = BagStateSpec("history", PickleCoder())

    def process(
        self, event: tuple[int, int], history: Any = beam.DoFn.StateParam(HISTORY)
    ) -> Iterator[tuple[int, list[int]]]:
        """Reads, appends, truncates and writes."""
        user, item = event
        items = [*history.read(), item][-10:]
        history.clear()
        for kept in items:
            history.add(kept)
        yield user, items


def histories(lines: beam.PCollection[str]) -> beam.PCollection[Any]:
    """Histories, with state for each user and an element for each event."""
    return lines | "Parse" >> beam.Map(parse) | beam.ParDo(KeepHistory())
