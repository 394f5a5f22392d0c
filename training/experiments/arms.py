"""Users' rewards by arm, from a feedback log.

A model of `--model NAME=DIR:WEIGHT` writes lists of the policy NAME-VERSION: the arm is NAME. All
lists of an arm's users count, also those of popular items. A user with lists of two arms is left
out and counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from training.datasets.ids import read_ids
from training.datasets.shown_lists import ragged
from training.estimation.list_log import POPULAR, log_files
from training.estimation.rows import EstimationError, Floats, Int64s
from training.experiments.always_valid import Arm

HOUR = 3_600


@dataclass(frozen=True, slots=True, eq=False)
class Experiment:
    """Rewards of lists, and the arms of their users.

    Attributes:
        arms: names of the arms, sorted.
        arm: int64 [users], the users' arms.
        user: int64 [n], each list's user.
        time: int64 [n], seconds since the epoch.
        reward: float64 [n].
        mixed: users with lists of several arms, left out.
        undecided: users whom no model has ranked for, left out.
    """

    arms: tuple[str, ...]
    arm: Int64s
    user: Int64s
    time: Int64s
    reward: Floats
    mixed: int
    undecided: int

    def looks(self) -> Int64s:
        """The ends of the hours with lists, int64 [looks], multiples of an hour."""
        return np.asarray(np.unique(self.time // HOUR + 1) * HOUR, np.int64)

    def at(self, look: int) -> list[Arm]:
        """The arms at a look, in the order of `arms`; each with one look."""
        before = self.time < look
        total = np.bincount(self.user[before], self.reward[before], len(self.arm)).astype(
            np.float64
        )
        seen = np.bincount(self.user[before], minlength=len(self.arm)) > 0
        found = []
        for number in range(len(self.arms)):
            own = self.arm == number
            found.append(Arm.of(total[None, own], seen[None, own]))
        return found


def read_experiment(log: Path) -> Experiment:
    """Reads a feedback log.

    Raises:
        EstimationError: it cannot be read, or has no list that a model ranked.
    """
    parts = [_read(file) for file in log_files(log)]
    user, time, reward, name = (np.concatenate(column) for column in zip(*parts, strict=True))
    users, place = np.unique(user, return_inverse=True)
    decided = name != POPULAR
    if not decided.any():
        raise EstimationError(f"{log} has no list that a policy decided")
    labels, label = np.unique(name[decided].astype(str), return_inverse=True)
    arms, of_label = np.unique([_arm(each) for each in labels], return_inverse=True)
    codes = of_label[label]
    least = np.full(len(users), len(arms), np.int64)
    most = np.full(len(users), -1, np.int64)
    np.minimum.at(least, place[decided], codes)
    np.maximum.at(most, place[decided], codes)
    kept = least == most
    row = np.cumsum(kept) - 1
    of_kept = kept[place]
    return Experiment(
        arms=tuple(map(str, arms)),
        arm=least[kept],
        user=row[place[of_kept]].astype(np.int64),
        time=time[of_kept],
        reward=reward[of_kept],
        mixed=int((most > least).sum()),
        undecided=int((most < 0).sum()),
    )


def _arm(label: str) -> str:
    """The name of a policy's label, NAME-VERSION."""
    return label.rpartition("-")[0] or label


def _read(file: Path) -> tuple[Int64s, Int64s, Floats, npt.NDArray[np.object_]]:
    try:
        table = pq.read_table(file, columns=["user", "time", "policy", "rewards"])
        user, _ = read_ids(table["user"])
        time = pc.cast(table["time"], pa.int64()).to_numpy()
        rewards = ragged(table["rewards"], pa.float64())
        name = table["policy"].cast(pa.string()).to_numpy(zero_copy_only=False)
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise EstimationError(f"{file} cannot be read as a feedback log: {error}") from error
    values = np.asarray(rewards.values, np.float64)
    if not np.isfinite(values).all():
        raise EstimationError(f"{file}: a reward is not a finite number")
    row = np.repeat(np.arange(len(user)), rewards.lengths)
    return user, time, np.bincount(row, values, len(user)).astype(np.float64), name
