"""Sums over all shards: what each shard has counted of a span of event time, added up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import apache_beam as beam
from apache_beam.transforms.window import FixedWindows, GlobalWindows


class Summable(Protocol):
    """A frame of sums, which can be added up."""

    @staticmethod
    def merged(parts: Iterable[Any]) -> Any:
        """The sums of all parts."""


@dataclass(eq=False)
class SumShards(beam.PTransform):
    """(span, a shard's sums) to the sums of all shards, each span's once, in the global window.

    The span is the key, so that a key has one window: many are quadratic on the Python runners.

    Attributes:
        frame: the type of the sums.
        span: seconds of event time that a key is about.
        bounded: the input is files, whose watermark stands until all is read.
    """

    frame: type[Summable]
    span: int
    bounded: bool

    def expand(self, sums: beam.PCollection[tuple[int, Any]]) -> beam.PCollection[Any]:
        """Gather what is of one span, and add it up."""
        spans = GlobalWindows() if self.bounded else FixedWindows(self.span)
        return (
            sums
            | "Spans" >> beam.WindowInto(spans)
            | "Of all shards" >> beam.GroupByKey()
            | "Sum" >> beam.FlatMap(_sum, self.frame).with_output_types(self.frame)
            # As all else that goes to a store: Prism refuses dead letters of different windows.
            | "To global" >> beam.WindowInto(GlobalWindows())
        )


def _sum(group: tuple[int, Iterable[Any]], frame: type[Summable]) -> list[Any]:
    parts = list(group[1])  # Flink also fires empty panes.
    return [frame.merged(parts)] if parts else []
