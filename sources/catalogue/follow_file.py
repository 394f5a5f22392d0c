"""A catalogue file that is read again when it changes."""

from __future__ import annotations

import math
import time as clocks
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from sources.catalogue.files import read_items
from sources.catalogue.rows import ItemRows
from sources.catalogue.texts import MAX_BYTES
from sources.follow.file import FileFollower, FileVersion
from sources.follow.letters import LetterLog
from transforms.catalogue.timeline import Timeline
from transforms.messages.availability import Availability
from transforms.messages.dead_letters import DeadLetterBatch

if TYPE_CHECKING:
    from sources.catalogue.changes import Listener


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
        self._source, self._listener = source, listener
        self._told: set[tuple[str, str]] = set()
        self._file = FileFollower(
            "--items", source.path, MAX_BYTES, source.follow, self._read, clock
        )
        self.letters = LetterLog()
        self.timeline = Timeline(source.start, source.new_seconds, source)
        self._add(read_items(source.path, text_ids=source.text_ids), 0, _from(self._file.first))

    @property
    def has_features(self) -> bool:
        """Whether an item has a category and a time of creation."""
        return self.timeline.has_features

    def at(self, time: int) -> Availability:
        """What is available at a time, in seconds since the epoch."""
        self._file.follow(time)
        return self.timeline.at(time)

    def _read(self, version: FileVersion) -> None:
        rows = read_items(self._source.path, text_ids=self._source.text_ids)
        self._add(rows, _from(version), _from(version))

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
