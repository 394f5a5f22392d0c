"""Lists that were shown and what each of their items earned: the feedback log as data.

`training.prepare` keeps a feedback log (spec section 5) as DATA/feedback.parquet, and rebuilds the
events behind it. Here its rows get the tables' rows and the split of the events: a list belongs
to the part in which its user was at its time. What a list before the user's test part earned by
an event of the test part alone counts as 0, so that training never sees a later event.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from training.datasets.feedback_log import REWARD_WINDOW
from training.datasets.sequences import TEST, TRAIN, VALID, DataError, Sequences

Int64s = npt.NDArray[np.int64]
Float32s = npt.NDArray[np.float32]
Int8s = npt.NDArray[np.int8]
Bools = npt.NDArray[np.bool_]

Scalar = TypeVar("Scalar", np.int64, np.float32)

FEEDBACK = "feedback.parquet"
EXPLAINED = 0.5
"""Least share of rewards with an event behind them in a log that the events' users made."""


@dataclass(frozen=True, slots=True, eq=False)
class ShownLists:
    """Lists, a row each.

    Attributes:
        histories: int64 [n, w], rows of the item table, the oldest first, left-aligned, filled
            with the unknown item.
        lengths: int64 [n], how many items each history has.
        users: int64 [n], rows of the user table.
        items: int64 [n, k], rows of the item table; the unknown item for one that the table does
            not have, and behind a list's last.
        rewards: float32 [n, k], what each item earned; 0 where it was not taken.
        propensities: float32 [n, k], the probability with which the item was in the list.
    """

    histories: Int64s
    lengths: Int64s
    users: Int64s
    items: Int64s
    rewards: Float32s
    propensities: Float32s

    def __len__(self) -> int:
        return len(self.users)

    def take(self, index: npt.NDArray[np.generic] | slice) -> ShownLists:
        """The rows at `index` (positions, a mask or a slice)."""
        return ShownLists(*(getattr(self, name)[index] for name in ShownLists.__slots__))

    @property
    def exploring(self) -> bool:
        """Whether anything was left to chance: some propensity is below 1."""
        return bool(((self.propensities > 0) & (self.propensities < 1)).any())


def joined(*lists: ShownLists) -> ShownLists:
    """The rows of several, of equal widths, one after the other."""
    columns = ([getattr(each, name) for each in lists] for name in ShownLists.__slots__)
    return ShownLists(*(np.concatenate(column) for column in columns))


def load_lists(data: Path, sequences: Sequences, width: int = 10) -> tuple[ShownLists, ShownLists]:
    """The lists of a data set that may be learnt from, and those to validate on.

    Args:
        data: folder that `training.prepare` wrote.
        sequences: its events.
        width: items in a history.

    Returns:
        The lists of the TRAIN and of the VALID part; both empty where there is no feedback log.

    Raises:
        DataError: the log is broken.
    """
    path = data / FEEDBACK
    if not path.exists():
        return no_lists(width), no_lists(width)
    try:
        table = pq.read_table(path)
        user, time = (table[name].cast(pa.int64()).to_numpy() for name in ("user", "time"))
        history = _ragged(table["history"], np.int64(-1))
        items = _ragged(table["items"], np.int64(-1))
        propensities = _ragged(table["propensities"], np.float32(0))
        rewards = _ragged(table["rewards"], np.float32(0))
    except (OSError, pa.ArrowException, KeyError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    if not items.shape == propensities.shape == rewards.shape:
        raise DataError(f"{path}: items, propensities and rewards are not equally many")
    lists = as_lists(sequences, user, history, items, propensities, rewards, width)
    return split_lists(lists, sequences, time)


def as_lists(
    sequences: Sequences,
    user: Int64s,
    history: Int64s,
    items: Int64s,
    propensities: Float32s,
    rewards: Float32s,
    width: int = 10,
) -> ShownLists:
    """Columns of a feedback log as rows of the tables.

    Args:
        sequences: the events, for the tables.
        user: int64 [n], ids.
        history: int64 [n, h], ids, the oldest first; below 0 what is none.
        items: int64 [n, k], ids; below 0 behind a list's last.
        propensities: float32 [n, k].
        rewards: float32 [n, k].
        width: items in a history.
    """
    histories, lengths = _last(history, sequences, width)
    rows = sequences.items.rows(items)
    known = rows != sequences.items.unknown
    return ShownLists(
        histories=histories,
        lengths=lengths,
        users=sequences.users.rows(user),
        items=rows,
        rewards=np.where(known, rewards, np.float32(0)),
        propensities=np.where(known, np.nan_to_num(propensities), np.float32(0)),
    )


def split_lists(
    lists: ShownLists, sequences: Sequences, time: Int64s
) -> tuple[ShownLists, ShownLists]:
    """The lists of the TRAIN and of the VALID part, without rewards of the test part.

    Args:
        lists: all lists.
        sequences: the events.
        time: int64 [n], when each list was shown.
    """
    lists = replace(lists, rewards=_without_later(lists, sequences, time))
    part = _part(sequences, lists.users, time)
    return lists.take(part == TRAIN), lists.take(part == VALID)


def no_lists(width: int) -> ShownLists:
    """No list at all."""
    none = np.empty(0, np.int64)
    return ShownLists(
        np.empty((0, width), np.int64),
        none,
        none,
        np.empty((0, 1), np.int64),
        np.empty((0, 1), np.float32),
        np.empty((0, 1), np.float32),
    )


def _ragged(column: pa.ChunkedArray, fill: Scalar) -> npt.NDArray[Scalar]:
    """Lists of different lengths as a matrix, left-aligned, filled with `fill`, of its type."""
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy()
    values = pc.list_flatten(column).to_numpy().astype(fill.dtype)
    matrix = np.full((len(lengths), max(1, int(lengths.max(initial=0)))), fill)
    matrix[np.arange(matrix.shape[1]) < lengths[:, None]] = values
    return matrix


def _last(history: Int64s, sequences: Sequences, width: int) -> tuple[Int64s, Int64s]:
    """The last `width` items of each history as rows of the item table, and their numbers."""
    real = history >= 0
    lengths = np.minimum(real.sum(axis=1), width)
    # The real items stand in their order at the right end: a stable sort of what is real.
    right = np.take_along_axis(history, np.argsort(real, axis=1, kind="stable"), axis=1)
    place = np.arange(width)
    at = np.maximum(right.shape[1] - lengths[:, None] + place, 0)
    beyond = place >= lengths[:, None]
    at[beyond] = 0
    found = sequences.items.rows(np.take_along_axis(right, at, axis=1))
    found[beyond] = sequences.items.unknown
    return found, lengths


def _part(sequences: Sequences, users: Int64s, time: Int64s) -> Int8s:
    """The part in which each list's user was at its time, int8 [n]; TEST of an unknown user."""
    part = np.full(len(users), TRAIN, np.int8)
    for later in (VALID, TEST):
        begins = np.full(len(sequences.users) + 1, np.iinfo(np.int64).max)
        of_part = sequences.part == later
        np.minimum.at(begins, sequences.user[of_part], sequences.time[of_part])
        begins[-1] = np.iinfo(np.int64).min
        part[time > begins[users]] = later
    return part


def _without_later(lists: ShownLists, sequences: Sequences, time: Int64s) -> Float32s:
    """The rewards, with 0 for those that only events of the test part explain.

    A log whose rewards are mostly of no event in the data was rewarded elsewhere, as the
    simulator's is: it tells nothing of the test part, and keeps what it has.
    """
    base = len(sequences.items) + 1
    row, place = np.nonzero(lists.rewards)
    wanted = lists.users[row] * base + lists.items[row, place]
    keys = sequences.user * base + sequences.item
    known = sequences.item != sequences.items.unknown
    in_test = known & (sequences.part == TEST)
    late = _follows(keys[in_test], sequences.time[in_test], wanted, time[row])
    before = known & ~in_test
    seen = _follows(keys[before], sequences.time[before], wanted, time[row])
    rewards = lists.rewards.copy()
    if len(wanted) and (late | seen).mean() >= EXPLAINED:
        forgotten = late & ~seen
        rewards[row[forgotten], place[forgotten]] = 0
    return rewards


def _follows(keys: Int64s, times: Int64s, wanted: Int64s, after: Int64s) -> Bools:
    """Whether an event with the key `wanted` is in the reward window from `after` on; bool [n]."""
    if not len(keys) or not len(wanted):
        return np.zeros(len(wanted), bool)
    first = int(times.min())
    span = int(times.max()) - first + 1
    moments = np.sort(keys * span + (times - first))
    start, end = (np.clip(at - first, 0, span) for at in (after, after + REWARD_WINDOW))
    low, high = (np.searchsorted(moments, wanted * span + at) for at in (start, end))
    return np.asarray(low < high)
