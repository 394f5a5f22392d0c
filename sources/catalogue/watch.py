"""The catalogue as a collection: its rows, and in a stream its changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.io.restriction_trackers import OffsetRange
from apache_beam.io.watermark_estimators import ManualWatermarkEstimator
from apache_beam.transforms.core import RestrictionProvider
from apache_beam.utils.timestamp import Duration

from sources.catalogue.changes import Changes, ListenedSource
from sources.kafka.partitions import FOREVER, UnsplittableTracker
from transforms.messages.catalogue_items import CatalogueItems

REFRESH = 5
"""Seconds between two looks for changes."""

_RESTRICTION = beam.DoFn.RestrictionParam()
_WATERMARK = beam.DoFn.WatermarkEstimatorParam(ManualWatermarkEstimator.default_provider())
_READERS: dict[ListenedSource, Changes] = {}


class ReadCatalogue(beam.PTransform):
    """The rows of a catalogue; in a stream, also those that change, for ever.

    A worker that goes on where another one stopped gives all rows again: writing them again
    changes nothing.

    Args:
        source: the catalogue.
        bounded: whether to read it once.
    """

    def __init__(self, source: ListenedSource, bounded: bool) -> None:
        super().__init__()
        self._source, self._bounded = source, bounded

    def expand(self, pbegin: beam.pvalue.PBegin) -> beam.PCollection[CatalogueItems]:
        """Read, and follow."""
        read = _read_once if self._bounded else WatchCatalogue()
        step = beam.FlatMap(read) if self._bounded else beam.ParDo(read)
        items: beam.PCollection[CatalogueItems] = (
            pbegin
            | "Catalogue" >> beam.Create([self._source])
            | "Read catalogue" >> step.with_output_types(CatalogueItems)
        )
        return items


def _read_once(source: ListenedSource) -> list[CatalogueItems]:
    return Changes(source).read()


class WatchCatalogue(beam.DoFn, RestrictionProvider):
    """Outputs the changes of a catalogue, for ever. A position is a batch of rows."""

    def initial_restriction(self, element: ListenedSource) -> OffsetRange:
        """All positions."""
        del element
        return OffsetRange(0, FOREVER)

    def create_tracker(self, restriction: OffsetRange) -> UnsplittableTracker:
        """A tracker that is never split."""
        return UnsplittableTracker(restriction)

    def restriction_size(self, element: ListenedSource, restriction: OffsetRange) -> float:
        """The work left: one look."""
        del element, restriction
        return 1.0

    @beam.DoFn.unbounded_per_element()
    def process(
        self,
        element: ListenedSource,
        tracker: Any = _RESTRICTION,
        watermark: Any = _WATERMARK,
    ) -> Iterator[CatalogueItems]:
        """The rows that changed since the last look."""
        del watermark
        position = tracker.current_restriction().start
        if element not in _READERS:
            _READERS[element] = Changes(element)
        for batch in _READERS[element].read():
            if not tracker.try_claim(position):
                _READERS.pop(element)  # What was not output is read again.
                return
            position += 1
            yield batch
        if tracker.try_claim(position):
            tracker.defer_remainder(Duration(REFRESH))
