"""Recommended lists and the reward of each of their items: a data set's feedback log.

`training.prepare` keeps a feedback log (spec section 5) as `feedback.parquet`. Here its ids become
rows of the embedding tables, and each list falls into a split (`training.datasets.list_split`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from training.datasets.feedback_log import read_settings
from training.datasets.ids import is_text, read_ids
from training.datasets.list_split import split_lists
from training.datasets.lists import ShownLists, no_lists
from training.datasets.loading import DataError
from training.datasets.raw_files import RawLogError
from training.datasets.sequences import Sequences

Int64s = npt.NDArray[np.int64]
Float32s = npt.NDArray[np.float32]

FEEDBACK = "feedback.parquet"
POPULAR = "popular"
"""The policy of lists that no policy decided."""


@dataclass(frozen=True, slots=True, eq=False)
class Ragged:
    """Lists of different lengths, one after the other.

    Attributes:
        values: [total], the lists' values.
        lengths: int64 [n], how many values each list has.
    """

    values: npt.NDArray[np.generic]
    lengths: Int64s

    @staticmethod
    def of_matrix(matrix: npt.NDArray[np.generic], lengths: Int64s) -> Ragged:
        """The first values of each row of a matrix [n, w]."""
        return Ragged(matrix[np.arange(matrix.shape[1]) < lengths[:, None]], lengths)

    def last(self, width: int) -> tuple[npt.NDArray[np.generic], Int64s]:
        """The last values of each list: [n, width], left-aligned, and their numbers int64 [n].

        What lies after a list's last value is any value.
        """
        kept = np.minimum(self.lengths, width)
        if not len(self.values):
            return np.zeros((len(kept), width), self.values.dtype), kept
        first = np.cumsum(self.lengths) - kept
        at = first[:, None] + np.minimum(np.arange(width), np.maximum(kept - 1, 0)[:, None])
        return self.values[np.minimum(at, len(self.values) - 1)], kept

    def padded(self) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.bool_]]:
        """All values, [n, k] with k of the longest list, and which places are real, bool [n, k]."""
        width = max(1, int(self.lengths.max(initial=0)))
        matrix, _ = self.last(width)
        return matrix, np.arange(width) < self.lengths[:, None]


def load_lists(data: Path, sequences: Sequences, width: int = 10) -> tuple[ShownLists, ShownLists]:
    """The lists of a data set to learn from, and those to validate on.

    Args:
        data: folder that `training.prepare` wrote.
        sequences: its events.
        width: items in a history.

    Returns:
        The lists of the TRAIN and of the VALID split; both empty where there is no feedback log.

    Raises:
        DataError: the log is broken, or does not say its reward window.
    """
    path = data / FEEDBACK
    if not path.exists():
        return no_lists(width), no_lists(width)
    try:
        window = read_settings(path).get("reward_window")
        table = pq.read_table(path)
        user, _ = read_ids(table["user"])
        time = table["time"].cast(pa.int64()).to_numpy()
        decided = _decided(table)
        history, items, propensities, rewards = (
            ragged(table[name], kind)
            for name, kind in (
                ("history", pa.int64()),
                ("items", pa.int64()),
                ("propensities", pa.float32()),
                ("rewards", pa.float32()),
            )
        )
    except (OSError, ValueError, RawLogError, pa.ArrowException, KeyError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    if window is None:
        raise DataError(f"{path} does not say its reward window; run `training.prepare` again")
    for other in (propensities, rewards):
        if not np.array_equal(other.lengths, items.lengths):
            raise DataError(f"{path}: items, propensities and rewards are not equally many")
    if not np.isfinite(rewards.values.astype(np.float32)).all():
        raise DataError(f"{path}: a reward is not a finite number")
    if not _are_probabilities(propensities.values.astype(np.float32)):
        raise DataError(f"{path}: a propensity is not a number from 0 to 1")
    lists = as_lists(sequences, user, history, items, propensities, rewards, width, time, decided)
    return split_lists(lists, sequences, int(window))


def as_lists(
    sequences: Sequences,
    user: Int64s,
    history: Ragged,
    items: Ragged,
    propensities: Ragged,
    rewards: Ragged,
    width: int = 10,
    times: Int64s | None = None,
    decided: npt.NDArray[np.bool_] | None = None,
) -> ShownLists:
    """Columns of a feedback log as rows of the embedding tables.

    Args:
        sequences: the events, for the tables.
        user: int64 [n], ids.
        history: n lists of ids (int64), the oldest first.
        items: n lists of ids (int64), best first.
        propensities: n lists of floats, as long as those of `items`; 0 where unknown.
        rewards: n lists of floats, as long as those of `items`.
        width: items in a history.
        times: int64 [n], seconds since the epoch; None where they do not count.
        decided: bool [n], whether a policy decided the list; None for all.
    """
    recent, lengths = history.last(width)
    histories = sequences.items.rows(recent.astype(np.int64))
    histories[np.arange(width) >= lengths[:, None]] = sequences.items.unknown
    raw, real = items.padded()
    rows = np.where(real, sequences.items.rows(raw.astype(np.int64)), sequences.items.unknown)
    known = rows != sequences.items.unknown
    earned, chances = (
        np.where(known, each.padded()[0].astype(np.float32), np.float32(0))
        for each in (rewards, propensities)
    )
    users = sequences.users.rows(user)
    return ShownLists.of(histories, lengths, users, rows, earned, chances, times, decided)


def ragged(column: pa.ChunkedArray, kind: pa.DataType) -> Ragged:
    """A column of lists, with values of a kind; texts become their keys.

    Raises:
        ValueError: a list or one of its values is empty.
    """
    flat = pc.list_flatten(column)
    if column.null_count or flat.null_count:
        raise ValueError("a list has an empty value")
    lengths = pc.list_value_length(column).cast(pa.int64()).to_numpy()
    values = read_ids(flat)[0] if is_text(flat.type) else flat.cast(kind).to_numpy()
    return Ragged(values, lengths)


def _decided(table: pa.Table) -> npt.NDArray[np.bool_]:
    """Which rows a policy decided: not the lists of popular items."""
    if "policy" not in table.column_names:
        return np.ones(len(table), bool)
    popular = pc.equal(table["policy"].cast(pa.string()), POPULAR)
    return ~np.asarray(pc.fill_null(popular, False).to_numpy(zero_copy_only=False), bool)


def _are_probabilities(values: Float32s) -> bool:
    return bool(((values >= 0) & (values <= 1 + 1e-6)).all())
