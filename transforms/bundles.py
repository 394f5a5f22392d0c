"""Fewer, larger elements: what a bundle gives is joined into one frame."""

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
    """Joins the small frames of a bundle (in the global window) to frames of up to `rows` rows.

    A frame bears the earliest timestamp of what is in it.
    """

    def __init__(self, frame_type: type[F], rows: int = 20_000) -> None:
        self._type, self._rows = frame_type, rows
        self._frames: list[F] = []
        self._held = 0
        self._earliest: Timestamp | None = None

    def start_bundle(self) -> None:
        """Begins with nothing."""
        self._frames, self._held, self._earliest = [], 0, None

    def process(
        self, frame: F, timestamp: Timestamp = beam.DoFn.TimestampParam
    ) -> Iterator[WindowedValue]:
        """Keeps a frame; gives what is kept once it is large."""
        self._frames.append(frame)
        self._held += len(frame)
        if self._earliest is None or timestamp < self._earliest:
            self._earliest = timestamp
        if self._held >= self._rows:
            yield from self._flush()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        """Gives the rest."""
        yield from self._flush()

    def _flush(self) -> Iterator[Any]:
        if self._frames:
            frame = self._type.concat(self._frames)
            yield WindowedValue(frame, self._earliest, (GlobalWindow(),))
        self.start_bundle()
