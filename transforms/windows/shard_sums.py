"""Adds up the sums of all shards, by span of event time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import apache_beam as beam
from apache_beam.transforms.window import FixedWindows, GlobalWindows


class Summable(Protocol):
    """A frame of sums that can be added up."""

    @staticmethod
    def merged(parts: Iterable[Any]) -> Any:
        """Adds up frames."""


@dataclass(eq=False)
class SumShards(beam.PTransform):
    """(span, sums of a shard) to the sums of all shards, once per span, in the global window.

    The span is the key, so that each key has one window: Beam's Python runners take quadratic
    time for a key with many windows.

    Attributes:
        frame: type of the sums.
        span: seconds of event time of a key.
        bounded: whether the input is files, whose watermark advances once at the end.
    """

    frame: type[Summable]
    span: int
    bounded: bool

    def expand(self, sums: beam.PCollection[tuple[int, Any]]) -> beam.PCollection[Any]:
        """Group by span and add up."""
        spans = GlobalWindows() if self.bounded else FixedWindows(self.span)
        return (
            sums
            | "Spans" >> beam.WindowInto(spans)
            | "Group by span" >> beam.GroupByKey()
            | "Sum" >> beam.FlatMap(_sum, self.frame).with_output_types(self.frame)
            # Prism refuses to flatten dead letters of different windows.
            | "To global" >> beam.WindowInto(GlobalWindows())
        )


def _sum(group: tuple[int, Iterable[Any]], frame: type[Summable]) -> list[Any]:
    parts = list(group[1])  # Flink fires empty panes, too.
    return [frame.merged(parts)] if parts else []
