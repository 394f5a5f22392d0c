"""The catalogue as a collection: its rows, and in a stream its changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import apache_beam as beam
from apache_beam.io.restriction_trackers import OffsetRange
from apache_beam.io.watermark_estimators import ManualWatermarkEstimator
from apache_beam.metrics import Metrics
from apache_beam.transforms.core import RestrictionProvider
from apache_beam.typehints.decorators import with_output_types
from apache_beam.utils.timestamp import Duration

from sources.catalogue.changes import Changes, ListenedSource
from sources.follow.letters import MalformedRecords
from sources.kafka.partitions import FOREVER, UnsplittableTracker
from sources.malformed import MALFORMED
from transforms.loaded import Source
from transforms.messages.catalogue_items import CatalogueItems
from transforms.messages.dead_letters import DeadLetterBatch

REFRESH = 5
"""Seconds between two looks for changes."""

_RESTRICTION = beam.DoFn.RestrictionParam()
_WATERMARK = beam.DoFn.WatermarkEstimatorParam(ManualWatermarkEstimator.default_provider())
_READERS: dict[Source[Any], Changes | MalformedRecords] = {}


class ReadCatalogue(beam.PTransform):
    """The rows of a catalogue; in a stream, also those that change, for ever.

    A worker that goes on where another one stopped gives all rows again: writing them again
    changes nothing.

    Args:
        source: the catalogue.
        bounded: whether to read it once.
        items: whether to output rows; else only what is malformed, of a catalogue or of users to
            forget.
        counter: counts what is malformed.
    """

    def __init__(
        self,
        source: Source[Any],
        bounded: bool,
        items: bool = True,
        counter: str = "malformed_items",
    ) -> None:
        super().__init__()
        self._source, self._bounded, self._items = source, bounded, items
        self._counter = counter

    def expand(self, pbegin: beam.pvalue.PBegin) -> Any:
        """Two outputs: `items`, and `malformed`, the dead letters."""
        kind = _ReadOnce if self._bounded else WatchCatalogue
        read = kind(self._items, self._counter)
        return (
            pbegin
            | "Catalogue" >> beam.Create([self._source])
            | "Read catalogue" >> beam.ParDo(read).with_outputs(MALFORMED, main="items")
        )


def _reader(source: Source[Any], items: bool) -> Changes | MalformedRecords:
    return Changes(cast("ListenedSource", source)) if items else MalformedRecords(source)


def _outputs(
    found: tuple[list[CatalogueItems], list[DeadLetterBatch]], counter: str
) -> Iterator[CatalogueItems | beam.pvalue.TaggedOutput]:
    items, letters = found
    yield from items
    for batch in letters:
        Metrics.counter("rivulet", counter).inc(len(batch))
        yield beam.pvalue.TaggedOutput(MALFORMED, batch)


@with_output_types(CatalogueItems, malformed=DeadLetterBatch)
class _ReadOnce(beam.DoFn):
    def __init__(self, items: bool, counter: str) -> None:
        self._items, self._counter = items, counter

    def process(self, source: Source[Any]) -> Iterator[CatalogueItems | beam.pvalue.TaggedOutput]:
        return _outputs(_reader(source, self._items).read(), self._counter)


@with_output_types(CatalogueItems, malformed=DeadLetterBatch)
class WatchCatalogue(beam.DoFn, RestrictionProvider):
    """Outputs the changes of a catalogue, for ever. A position is a batch of rows or letters.

    Args:
        items: whether to output rows; else only what is malformed.
        counter: counts what is malformed.
    """

    def __init__(self, items: bool = True, counter: str = "malformed_items") -> None:
        self._items, self._counter = items, counter

    def initial_restriction(self, element: Source[Any]) -> OffsetRange:
        """All positions."""
        del element
        return OffsetRange(0, FOREVER)

    def create_tracker(self, restriction: OffsetRange) -> UnsplittableTracker:
        """A tracker that is never split."""
        return UnsplittableTracker(restriction)

    def restriction_size(self, element: Source[Any], restriction: OffsetRange) -> float:
        """The work left: one look."""
        del element, restriction
        return 1.0

    @beam.DoFn.unbounded_per_element()
    def process(
        self,
        element: Source[Any],
        tracker: Any = _RESTRICTION,
        watermark: Any = _WATERMARK,
    ) -> Iterator[CatalogueItems | beam.pvalue.TaggedOutput]:
        """The rows that changed since the last look."""
        del watermark
        position = tracker.current_restriction().start
        if element not in _READERS:
            _READERS[element] = _reader(element, self._items)
        for batch in _outputs(_READERS[element].read(), self._counter):
            if not tracker.try_claim(position):
                _READERS.pop(element)  # What was not output is read again.
                return
            position += 1
            yield batch
        if tracker.try_claim(position):
            tracker.defer_remainder(Duration(REFRESH))
