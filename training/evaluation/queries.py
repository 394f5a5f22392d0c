"""The questions of an offline evaluation: what each user's history is, and what came after it.

Per user the events are split by time, 80/20 (`training.datasets.sequences`); a ranker sees the
first part and
is asked once, at the split. Two targets: the next item, and all later ones (different items).
Two rules: `new` leaves out, from lists and targets, what the user has had before the split;
`repeats` allows it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.datasets.sequences import TEST, Sequences
from training.evaluation.metrics import Targets

Int64s = npt.NDArray[np.int64]

RULES = ("new", "repeats")
GOALS = ("later", "next")


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Some users at the moment of their split, as a ranker sees them.

    Attributes:
        users: int64 [n], raw ids.
        histories: int64 [n, h], raw ids of all of the user's events before the split, the
            oldest first, left-aligned, filled with 0.
        lengths: int64 [n], how many events each history has, one at least.
        times: int64 [n], time of the last of them, seconds since the epoch.
    """

    users: Int64s
    histories: Int64s
    lengths: Int64s
    times: Int64s


@dataclass(frozen=True, slots=True, eq=False)
class EvaluationQueries:
    """The users to ask about.

    Attributes:
        sequences: all users' events.
        at: int64 [n], the position of each case's first event after the split.
        end: int64 [n], the position after its user's last event.
    """

    sequences: Sequences
    at: Int64s
    end: Int64s

    @staticmethod
    def of(sequences: Sequences, users: int, seed: int = 0) -> EvaluationQueries:
        """The users with events on both sides of the split.

        Args:
            sequences: all users' events.
            users: how many users at most; a seeded sample is taken of more.
            seed: of the sample.
        """
        starts = np.flatnonzero(np.r_[True, np.diff(sequences.start) != 0])
        ends = np.r_[starts[1:], len(sequences)]
        test = np.cumsum(np.r_[0, sequences.part == TEST])
        at = ends - (test[ends] - test[starts])
        chosen = np.flatnonzero((at > starts) & (at < ends))
        if len(chosen) > users:
            drawn = np.random.default_rng(seed).choice(chosen, users, replace=False)
            chosen = np.sort(drawn)
        return EvaluationQueries(sequences, at[chosen], ends[chosen])

    def __len__(self) -> int:
        return len(self.at)

    def block(self, rows: slice) -> Block:
        """The cases in `rows` as rankers see them."""
        at = self.at[rows]
        sequences = self.sequences
        width = int((at - sequences.start[at]).max())
        histories, lengths = sequences.raw_histories(at, width)
        users = sequences.users.ids[sequences.user[at]]
        return Block(users, histories, lengths, sequences.time[at - 1])

    def targets(self, goal: str, rule: str) -> tuple[Int64s, Targets]:
        """What came after the split.

        Args:
            goal: `next` or `later`.
            rule: `new` or `repeats`.

        Returns:
            The cases that have a target, int64 [m], and the targets of these.
        """
        sequences = self.sequences
        # All items as small codes, so that (case, item) is one number.
        known, code = np.unique(sequences.raw_item, return_inverse=True)
        case, event = _ranges(self.at, self.end)
        pairs = case * len(known) + code[event]
        if rule == "new":
            before = _ranges(sequences.start[self.at], self.at)
            fresh = ~np.isin(pairs, before[0] * len(known) + code[before[1]])
            pairs = pairs[fresh]
        # The first event of each pair, in the events' order.
        pairs = pairs[np.sort(np.unique(pairs, return_index=True)[1])]
        case = pairs // len(known)
        if goal == "next":
            pairs = pairs[np.r_[True, np.diff(case) != 0][: len(case)]]
            case = pairs // len(known)
        rows, row, sizes = np.unique(case, return_inverse=True, return_counts=True)
        return rows, Targets(row, known[pairs % len(known)], sizes)


def _ranges(start: Int64s, end: Int64s) -> tuple[Int64s, Int64s]:
    """The case and the position of every event in [start, end) of each case."""
    lengths = end - start
    case = np.repeat(np.arange(len(start)), lengths)
    first = np.repeat(np.cumsum(lengths) - lengths, lengths)
    return case, start[case] + np.arange(len(case)) - first
