"""The feedback log (spec section 5) as columns, in the order of time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from training.datasets.ids import read_ids
from training.datasets.shown_lists import Ragged, ragged
from training.estimation.rows import EstimationError, Floats, Int64s

POPULAR = "popular"
"""The policy of lists that no policy decided."""
MOST_ITEMS = 1_000
"""Most items of a list or a history."""

Bools = npt.NDArray[np.bool_]

_COLUMNS = ("user", "time", "history", "items", "policy", "propensities", "rewards")


@dataclass(frozen=True, slots=True, eq=False)
class ListLog:
    """Lists that a policy decided, ordered by time and user; ids are raw.

    Attributes:
        user: int64 [n].
        time: int64 [n], seconds since the epoch.
        history: int64 [n, h], the oldest first, left-aligned.
        history_length: int64 [n].
        items: int64 [n, k], best first.
        length: int64 [n], items of each list.
        propensity: float64 [n, k], probability with which the item was in the list.
        reward: float64 [n, k].
        explored: bool [n], whether anything in the list was drawn. A list in which nothing was
            drawn is no support: all that it could show are its own items.
    """

    user: Int64s
    time: Int64s
    history: Int64s
    history_length: Int64s
    items: Int64s
    length: Int64s
    propensity: Floats
    reward: Floats
    explored: Bools

    def __len__(self) -> int:
        """The number of lists."""
        return len(self.user)

    def take(self, index: npt.NDArray[np.generic] | slice) -> ListLog:
        """The lists at `index` (positions, a mask or a slice)."""
        return ListLog(*(getattr(self, name)[index] for name in ListLog.__slots__))

    @property
    def real(self) -> Bools:
        """Which places have an item, bool [n, k]."""
        return np.asarray(np.arange(self.items.shape[1]) < self.length[:, None])


def log_files(path: Path) -> list[Path]:
    """The Parquet files of a log: the file itself, or all in a folder and its sub-folders.

    Files and folders whose names begin with a dot are left out: these are writes that have not
    ended.

    Raises:
        EstimationError: there are none.
    """
    if path.is_file():
        return [path]
    found = sorted(
        each
        for each in path.rglob("*.parquet")
        if not any(part.startswith(".") for part in each.relative_to(path).parts)
    )
    if not found:
        raise EstimationError(f"--log {path} is no file, and no folder with Parquet files")
    return found


def read_list_log(path: Path) -> ListLog:
    """Reads a feedback log, without the lists of popular items.

    A list that stands in the log several times (spec section 5: a run after a crash writes it
    again) counts once.

    Args:
        path: a Parquet file, or a folder of them.

    Raises:
        EstimationError: a file cannot be read, is no feedback log, or has impossible values.
    """
    parts = [_read(file) for file in log_files(path)]
    width, height = (max(getattr(part, name).shape[1] for part in parts)
                     for name in ("items", "history"))  # fmt: skip
    log = _joined([_widened(part, width, height) for part in parts])
    order = np.lexsort((log.user, log.time))
    log = log.take(order)
    fresh = np.ones(len(log), bool)
    fresh[1:] = (np.diff(log.user) != 0) | (np.diff(log.time) != 0)
    log = log.take(fresh)
    if not len(log):
        raise EstimationError(f"{path} has no list that a policy decided")
    return log


def _read(file: Path) -> ListLog:
    try:
        names = pq.read_schema(file).names
        if missing := [name for name in _COLUMNS if name not in names]:
            raise EstimationError(
                f"{file} is no feedback log: it has no column {missing[0]}; "
                "--schema reads other logs"
            )
        more = ["explored"] if "explored" in names else []
        table = pq.read_table(file, columns=[*_COLUMNS, *more])
        decided = np.asarray(table["policy"].cast(pa.string()).to_numpy(zero_copy_only=False))
        table = table.filter(pa.array(decided != POPULAR))
        user, _ = read_ids(table["user"])
        time = table["time"].cast(pa.int64()).to_numpy()
        history, items = (ragged(table[name], pa.int64()) for name in ("history", "items"))
        propensity, reward = (
            ragged(table[name], pa.float64()) for name in ("propensities", "rewards")
        )
        drawn = ragged(table["explored"], pa.bool_()) if more else None
    except (OSError, ValueError, pa.ArrowException) as error:
        if isinstance(error, EstimationError):
            raise
        raise EstimationError(f"{file} cannot be read: {error}") from error
    _check(file, history, items, propensity, reward, drawn)
    chances, earned = np.minimum(_floats(propensity), 1), _floats(reward)
    explored: Bools = np.asarray(((chances > 0) & (chances < 1)).any(axis=1))
    if drawn is not None:
        marks, places = drawn.padded()
        explored |= (marks.astype(bool) & places).any(axis=1)
    histories, real = history.padded()
    shown, placed = items.padded()
    # A propensity of 0 is an unknown one.
    explored = np.asarray(explored & ((chances > 0) | ~placed).all(axis=1))
    return ListLog(
        user=user,
        time=time,
        history=np.where(real, histories, 0).astype(np.int64),
        history_length=history.lengths,
        items=np.where(placed, shown, 0).astype(np.int64),
        length=items.lengths,
        propensity=chances,
        reward=earned,
        explored=explored,
    )


def _check(
    file: Path,
    history: Ragged,
    items: Ragged,
    propensity: Ragged,
    reward: Ragged,
    drawn: Ragged | None,
) -> None:
    """Refuses lists whose columns contradict each other, or whose values are impossible."""
    for name, other in (("propensities", propensity), ("rewards", reward), ("explored", drawn)):
        if other is not None and not np.array_equal(other.lengths, items.lengths):
            raise EstimationError(f"{file}: items and {name} are not equally many")
    longest = max(items.lengths.max(initial=0), history.lengths.max(initial=0))
    if longest > MOST_ITEMS:
        raise EstimationError(
            f"{file}: a list or a history has {longest:,} items; the limit is {MOST_ITEMS:,}"
        )
    if not np.isfinite(np.asarray(reward.values, np.float64)).all():
        raise EstimationError(f"{file}: a reward is not a finite number")
    chances = np.asarray(propensity.values, np.float64)
    if not ((chances >= 0) & (chances <= 1 + 1e-6)).all():
        raise EstimationError(f"{file}: a propensity is not a number from 0 to 1")


def _floats(column: Ragged) -> Floats:
    """Values as float64 [n, k], 0 beyond a list's end."""
    values, real = column.padded()
    return np.where(real, values, 0).astype(np.float64)


def _widened(log: ListLog, width: int, height: int) -> ListLog:
    """The same lists in columns of `width` items and `height` items of history."""

    def wide(column: npt.NDArray[np.generic], to: int) -> npt.NDArray[np.generic]:
        return np.pad(column, ((0, 0), (0, to - column.shape[1])))

    columns = {name: getattr(log, name) for name in ListLog.__slots__}
    for name in ("items", "propensity", "reward"):
        columns[name] = wide(columns[name], width)
    columns["history"] = wide(log.history, height)
    return ListLog(**columns)


def _joined(logs: list[ListLog]) -> ListLog:
    return ListLog(
        *(np.concatenate([getattr(log, name) for log in logs]) for name in ListLog.__slots__)
    )
