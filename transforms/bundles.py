"""Joins the small frames of a bundle into larger ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import Timestamp
from apache_beam.utils.windowed_value import WindowedValue

from transforms.columns.frames import Frame

F = TypeVar("F", bound=Frame)


class CollectBundle(beam.DoFn, Generic[F]):
    """Joins frames until they have `rows` rows or the bundle ends.

    Input and output are in the global window. A joined frame has the earliest timestamp of its
    parts.

    Args:
        frame_type: the type of the frames.
        rows: number of rows from which on a frame is emitted.
    """

    def __init__(self, frame_type: type[F], rows: int = 20_000) -> None:
        self._type, self._rows = frame_type, rows
        self._frames: list[F] = []
        self._count = 0
        self._earliest: Timestamp | None = None

    def start_bundle(self) -> None:
        """Starts without frames."""
        self._frames, self._count, self._earliest = [], 0, None

    def process(
        self, frame: F, timestamp: Timestamp = beam.DoFn.TimestampParam
    ) -> Iterator[WindowedValue]:
        """Adds a frame; emits the joined frame when it is large enough."""
        self._frames.append(frame)
        self._count += len(frame)
        if self._earliest is None or timestamp < self._earliest:
            self._earliest = timestamp
        if self._count >= self._rows:
            yield from self._flush()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        """Emits the remaining frames."""
        yield from self._flush()

    def _flush(self) -> Iterator[Any]:
        if self._frames:
            frame = self._type.concat(self._frames)
            yield WindowedValue(frame, self._earliest, (GlobalWindow(),))
        self.start_bundle()
