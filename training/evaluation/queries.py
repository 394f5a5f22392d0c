"""The queries of an offline evaluation: each user's history, and the items that came after it.

Each user's events are split by time, 80/20 (`training.datasets.sequences`). A ranker sees the
first 80% and gives one list, at the split. There are two goals: the next item, and all later
(different) items. There are two rules: `new` leaves the items of the user's history out of lists
and targets; `repeats` allows them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.datasets.sequences import TEST, Sequences
from training.evaluation.metrics import Targets

Int64s = npt.NDArray[np.int64]

RULES = ("new", "repeats")
MOST_ROWS = 256
"""Queries of a block, at most."""
CELLS = 1 << 22
"""Places of all histories of a block, padding included, at most; 32 MiB."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Some users at the moment of their split, as a ranker sees them.

    Attributes:
        users: int64 [n], raw ids.
        histories: int64 [n, h], raw ids of all of the user's events before the split, the
            oldest first, left-aligned, padded with 0.
        lengths: int64 [n], number of events in each history, at least 1.
        times: int64 [n], time of the last event, seconds since the epoch.
    """

    users: Int64s
    histories: Int64s
    lengths: Int64s
    times: Int64s


@dataclass(frozen=True, slots=True, eq=False)
class EvaluationQueries:
    """The users to recommend to.

    Attributes:
        sequences: all users' events.
        at: int64 [n], position of each user's first event after the split.
        end: int64 [n], position after the user's last event.
    """

    sequences: Sequences
    at: Int64s
    end: Int64s

    @staticmethod
    def of(sequences: Sequences, users: int, seed: int = 0) -> EvaluationQueries:
        """The users with events on both sides of the split.

        Args:
            sequences: all users' events.
            users: most users; a seeded sample of more.
            seed: seed of the sample.
        """
        starts = np.flatnonzero(np.r_[True, np.diff(sequences.start) != 0])
        ends = np.r_[starts[1:], len(sequences)]
        test = np.cumsum(np.r_[0, sequences.split == TEST])
        at = ends - (test[ends] - test[starts])
        chosen = np.flatnonzero((at > starts) & (at < ends))
        if len(chosen) > users:
            drawn = np.random.default_rng(seed).choice(chosen, users, replace=False)
            chosen = np.sort(drawn)
        return EvaluationQueries(sequences, at[chosen], ends[chosen])

    def __len__(self) -> int:
        return len(self.at)

    def blocks(self) -> Iterator[slice]:
        """Ranges of queries, each with histories of at most `CELLS` places or one query."""
        lengths = self.at - self.sequences.start[self.at]
        start, longest = 0, 0
        for row, length in enumerate(lengths.tolist()):
            longest = max(longest, length)
            full = row - start == MOST_ROWS or longest * (row - start + 1) > CELLS
            if full and row > start:
                yield slice(start, row)
                start, longest = row, length
        if start < len(self):
            yield slice(start, len(self))

    def block(self, rows: slice) -> Block:
        """The queries in `rows` as rankers see them."""
        at = self.at[rows]
        sequences = self.sequences
        width = int((at - sequences.start[at]).max())
        histories, lengths = sequences.raw_histories(at, width)
        users = sequences.users.ids[sequences.user[at]]
        return Block(users, histories, lengths, sequences.time[at - 1])

    def targets(self, goal: str, rule: str) -> tuple[Int64s, Targets]:
        """The items after the split.

        Args:
            goal: `next` or `later`.
            rule: `new` or `repeats`.

        Returns:
            The queries that have a target, int64 [m], and the targets of these.
        """
        sequences = self.sequences
        # All items as small codes, so that (query, item) is one number.
        known, code = np.unique(sequences.raw_item, return_inverse=True)
        query, event = _ranges(self.at, self.end)
        pairs = query * len(known) + code[event]
        if rule == "new":
            before = _ranges(sequences.start[self.at], self.at)
            new = ~np.isin(pairs, before[0] * len(known) + code[before[1]])
            pairs = pairs[new]
        # The first event of each pair, in the events' order.
        pairs = pairs[np.sort(np.unique(pairs, return_index=True)[1])]
        query = pairs // len(known)
        if goal == "next":
            pairs = pairs[np.r_[True, np.diff(query) != 0][: len(query)]]
            query = pairs // len(known)
        rows, row, sizes = np.unique(query, return_inverse=True, return_counts=True)
        return rows, Targets(row, known[pairs % len(known)], sizes)


def _ranges(start: Int64s, end: Int64s) -> tuple[Int64s, Int64s]:
    """The query and the position of every event in [start, end) of each query."""
    lengths = end - start
    query = np.repeat(np.arange(len(start)), lengths)
    first = np.repeat(np.cumsum(lengths) - lengths, lengths)
    return query, start[query] + np.arange(len(query)) - first
