"""A catalogue file that is read again when it changes."""

from __future__ import annotations

import logging
import math
import threading
import time as clocks
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from sources.catalogue.files import FileVersion, read_items, version_of
from sources.catalogue.malformed import LetterLog
from sources.catalogue.rows import ItemRows
from sources.errors import SourceError
from transforms.catalogue.timeline import Timeline
from transforms.messages.availability import Availability
from transforms.messages.dead_letters import DeadLetterBatch

if TYPE_CHECKING:
    from sources.catalogue.changes import Listener

SETTLE = 1.0
"""A time is answered when the file was looked at so many seconds after it."""

LOOK_EVERY = 1.0
"""Seconds between two looks for times that are ahead of the clock."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class FileCatalogue:
    """A catalogue in a file (`transforms.catalogue.source.CatalogueSource`).

    Attributes:
        path: the file.
        start: start of the job, in seconds since the epoch.
        follow: whether it is looked at again.
        text_ids: whether items are texts.
        new_seconds: an item is new for so many seconds after it was created; 0 for no such items.
    """

    path: str
    start: int
    follow: bool
    text_ids: bool = False
    new_seconds: int = 0

    def load(self, listener: Listener | None = None) -> FollowedFile:
        """Reads the file; a listener gets its rows.

        Raises:
            SourceError: it cannot be used.
        """
        return FollowedFile(self, listener=listener)


class FollowedFile:
    """The versions of a file, each from its time of change on.

    A row with a time of its own (`updated`) counts from this time on. An item that a later version
    lacks is gone from the version's time on. A version that cannot be used is left out, with a
    line in the log.

    Args:
        source: the file.
        clock: seconds since the epoch.
        listener: gets the rows of each version.

    Raises:
        SourceError: the file cannot be used now.
    """

    def __init__(
        self,
        source: FileCatalogue,
        clock: Callable[[], float] = clocks.time,
        listener: Listener | None = None,
    ) -> None:
        self._source, self._clock = source, clock
        self._lock = threading.Lock()
        self._listener = listener
        self._told: set[tuple[str, str]] = set()
        self._looked = clock()
        self._version = version_of(source.path)
        self.letters = LetterLog()
        self.timeline = Timeline(source.start, source.new_seconds, source)
        self._add(read_items(source.path, text_ids=source.text_ids), 0, _from(self._version))

    @property
    def has_features(self) -> bool:
        """Whether an item has a category and a time of creation."""
        return self.timeline.has_features

    def at(self, time: int) -> Availability:
        """What is available at a time, in seconds since the epoch."""
        if self._source.follow and self._looked < time + SETTLE:
            with self._lock:
                now = self._clock()
                if self._looked < time + SETTLE and now - self._looked >= LOOK_EVERY:
                    self._look(now)
        return self.timeline.at(time)

    def _look(self, now: float) -> None:
        try:
            version = version_of(self._source.path)
            if version != self._version:
                rows = read_items(self._source.path, text_ids=self._source.text_ids)
                self._add(rows, _from(version), _from(version))
                self._version = version
                _LOG.warning("--items %s: its new version is in use", self._source.path)
        except SourceError as error:
            _LOG.warning("%s; the version before stays in use", error)
        self._looked = now

    def _untold(self, letters: DeadLetterBatch) -> DeadLetterBatch:
        """The letters that the version before did not have."""
        columns = letters.columns
        keys = list(zip(columns["reason"].to_pylist(), columns["raw"].to_pylist(), strict=True))
        fresh = [row for row, key in enumerate(keys) if key not in self._told]
        self._told = set(keys)
        return DeadLetterBatch(columns.take(pa.array(fresh, pa.int64())))

    def _add(self, rows: ItemRows, since: int, modified: int) -> None:
        rows = replace(rows, letters=self._untold(rows.letters))
        self.letters.add(rows.letters)
        time = np.where(rows.updated >= 0, rows.updated, since)
        # Several rows of an item count in the order of their times.
        by_time = np.argsort(time, kind="stable")
        before = self.timeline.latest
        gone = before.ids[before.bits & ~np.isin(before.ids, rows.item)]
        if self._listener:
            written = np.where(rows.updated >= 0, rows.updated, modified)
            self._listener(rows.take(by_time), written[by_time], gone, modified)
        rows, time = rows.take(by_time), time[by_time]
        features = (
            rows.features(text_ids=self._source.text_ids) if self._source.new_seconds else None
        )
        self.timeline.add(rows.item, time, rows.available, features)
        self.timeline.remove(gone, since)


def _from(version: FileVersion) -> int:
    return math.ceil(version.modified)
