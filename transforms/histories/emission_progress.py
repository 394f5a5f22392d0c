"""The state of a shard's emission: how far it has come, and the rankings that it still needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from transforms.columns.frames import Columns, coded
from transforms.messages.events import Int64s
from transforms.messages.popular import PopularRows


class ShardCountError(ValueError):
    """The state belongs to a job with another number of shards."""


@coded
@dataclass(frozen=True, slots=True, eq=False)
class EmissionProgress(Columns):
    """How far a shard has emitted its ranking requests.

    Attributes:
        header: int64 [3 + p]: all events before this time, in seconds since the epoch, have been
            applied (-1 at first); the sequence number of the next work unit; the job's number
            of shards; then how many tombstones of each partition are known.
        window_end: int64 [n], the rankings that later ranking times use, column by column as in
            PopularRows.
        rank: int64 [n].
        item: int64 [n].
        count: int64 [n].
    """

    ITEMS: ClassVar[tuple[str, ...]] = ("item",)

    header: Int64s
    window_end: Int64s
    rank: Int64s
    item: Int64s
    count: Int64s

    @staticmethod
    def of(
        complete_until: int,
        next_sequence: int,
        shards: int,
        rankings: PopularRows,
        tombstones: Int64s | None = None,
    ) -> EmissionProgress:
        """The state from its values."""
        header = np.array([complete_until, next_sequence, shards], np.int64)
        if tombstones is not None:
            header = np.concatenate((header, tombstones))
        return EmissionProgress(header, *rankings.columns()).named(rankings.names)

    @staticmethod
    def initial(shards: int) -> EmissionProgress:
        """The state of a shard that has emitted nothing."""
        none: Int64s = np.empty(0, np.int64)
        return EmissionProgress.of(-1, 0, shards, PopularRows(none, none, none, none))

    @property
    def complete_until(self) -> int:
        """All events before this time have been applied."""
        return int(self.header[0])

    @property
    def next_sequence(self) -> int:
        """The sequence number of the next work unit."""
        return int(self.header[1])

    @property
    def tombstones(self) -> Int64s:
        """How many tombstones of each partition are known: int64 [p]."""
        return self.header[3:]

    @property
    def rankings(self) -> PopularRows:
        """The rankings that later ranking times use."""
        rows = PopularRows(self.window_end, self.rank, self.item, self.count)
        return rows.named(self.names)

    def check_shards(self, shards: int) -> None:
        """Refuses state of another number of shards, whose keys mean other users.

        Raises:
            ShardCountError: names both numbers and what to do.
        """
        stored = int(self.header[2])
        if stored != shards:
            raise ShardCountError(
                f"the saved state has {stored} shards, this job has {shards}: "
                f"resume with --shards={stored}, or start without a savepoint"
            )
