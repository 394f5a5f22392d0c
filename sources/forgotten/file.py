"""Users to forget, in a file that grows."""

from __future__ import annotations

import logging
import time as clocks
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from sources.errors import SourceError
from sources.files.magic import GZIP, PARQUET
from sources.files.plan import UNREADABLE, open_file, plan
from sources.files.ranges import FileLimits, ReadBlock, read_range
from sources.follow.file import FileFollower, FileVersion
from sources.follow.letters import LetterLog
from sources.forgotten.rows import MAX_BYTES, MAX_LINE, MAX_ROWS, schema_of
from transforms.histories.forgotten import ForgottenTimeline
from transforms.messages.dead_letters import DeadLetterBatch
from transforms.messages.events import Int64s

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ForgottenFile:
    """Users to forget in a file (`transforms.histories.forgotten.ForgottenSource`).

    Attributes:
        path: the file.
        follow: whether it is looked at again.
        text_users: whether users are texts.
        max_future: how far a row may be ahead of the clock when it is read, in seconds.
    """

    path: str
    follow: bool
    text_users: bool
    max_future: int

    def load(self) -> FollowedForgotten:
        """Reads the file.

        Raises:
            SourceError: it cannot be used.
        """
        return FollowedForgotten(self)


class FollowedForgotten:
    """The rows of a file, which only grows. Of each version the rows count that are new.

    Where a version has fewer rows than the one before, the file is taken for another one: what is
    in it is forgotten again. A last line that has not ended may still be written: where the file is
    followed, it counts when it has ended.

    Args:
        source: the file.
        clock: seconds since the epoch.

    Raises:
        SourceError: the file cannot be used now.
    """

    def __init__(self, source: ForgottenFile, clock: Callable[[], float] = clocks.time) -> None:
        self._source = source
        self._rows = self._first = 0
        self.letters = LetterLog()
        self.timeline = ForgottenTimeline()
        self._file = FileFollower(
            "--forget", source.path, MAX_BYTES, source.follow, self._read, clock
        )
        self._read(self._file.first)

    def at(self, time: int) -> ForgottenTimeline:
        """The tombstones, complete up to a time in seconds since the epoch."""
        self._file.follow(time)
        return self.timeline

    def _read(self, version: FileVersion) -> None:
        path = self._source.path
        blocks: list[ReadBlock] = []
        rows = 0
        for block in self._blocks():
            blocks.append(block)
            rows += len(block.events) + len(block.malformed)
            if rows > MAX_ROWS:
                raise SourceError(f"--forget {path}: it has more than {MAX_ROWS:,} rows")
        # A row that is known stays known if an editor removes the end of its line.
        if rows > self._rows and self._source.follow and _may_be_cut(path, version.size):
            rows -= 1
        if rows < self._rows:
            _LOG.warning(
                "--forget %s has fewer rows than before: its users are forgotten again", path
            )
            self._first, self._rows = self._first + self._rows, 0
        begin = 0
        for block in blocks:
            self._add(block, begin, rows)
            begin += len(block.events) + len(block.malformed)
        self._rows = rows

    def _blocks(self) -> Iterator[ReadBlock]:
        source = self._source
        schema = schema_of(text_users=source.text_users, header=True)
        limits = FileLimits(source.max_future, MAX_LINE)
        try:
            for piece in plan(source.path, None, schema=schema):
                yield from read_range(piece, limits)
        except SourceError as error:
            text = str(error).removeprefix("--input ").replace("which --schema forgotten names", "")
            raise SourceError(f"--forget: {text}") from error

    def _add(self, block: ReadBlock, begin: int, end: int) -> None:
        """Adds the rows of a block that begins at a row of the file, up to the row `end`."""
        count = len(block.events) + len(block.malformed)
        place: Int64s = begin + np.delete(np.arange(count), block.malformed.row)
        new = (place >= self._rows) & (place < end)
        events = block.events.take(new)
        self.timeline.add(events.user, events.time, 0, self._first + place[new])
        bad = begin + block.malformed.row
        untold = (bad >= self._rows) & (bad < end)
        self.letters.add(DeadLetterBatch(block.letters.columns.filter(pa.array(untold))))


def _may_be_cut(path: str, size: int) -> bool:
    """Whether the last line of a file of text may not have been written to its end.

    Args:
        path: the file.
        size: its size in bytes before it was read.

    Raises:
        SourceError: the file cannot be read.
    """
    try:
        with open_file(path) as file:
            if file.read(4).startswith((GZIP, PARQUET)):
                return False
            file.seek(max(size - 1, 0))
            # What is longer than before may have grown while it was read.
            return file.read(2) != b"\n"
    except UNREADABLE as error:
        raise SourceError(f"--forget {path} cannot be read: {error}") from error
