"""A version that passed the gate gets the users share by share, and is rolled back where it harms.

The shares stand in CURRENT with the event time from which they hold (`inference.models.stages`). A
user's version is a salted hash, so that the feedback log tells each user's arm without more. While
two versions share the users, their rewards a user since the beginning of the stage are compared by
an always-valid interval (`training.experiments.always_valid`) with looks at fixed event times. What
is decided depends on the log alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from inference.models.current import CURRENT, current_stages
from inference.models.stages import MOST_STAGES, Stage, ceiling, to_text
from training.datasets.feedback_log import common_settings
from training.datasets.ids import read_ids
from training.datasets.shown_lists import ragged
from training.estimation.list_log import log_files
from training.estimation.rows import EstimationError, Floats, Int64s
from training.experiments.always_valid import ALPHA, Arm, Difference, difference
from training.promotion.decisions import PROMOTE, RAMP, ROLLBACK, Decision, decide
from training.promotion.options import LoopSettings

LOOK = 300
"""Seconds of event time between two looks at the rewards."""
LAST_SHARES = (0.5, 1.0)
"""The shares after that of --canary."""
WRITTEN = 600
"""Seconds of event time that a file of a stream's feedback log waits for its rows, at most."""


@dataclass(frozen=True, slots=True, eq=False)
class Rewards:
    """Rewards of lists, by time.

    Attributes:
        user: int64 [n], ids, or the keys of ids that are texts.
        time: int64 [n], seconds since the epoch.
        reward: float64 [n].
        newest: the newest time in the log.
    """

    user: Int64s
    time: Int64s
    reward: Floats
    newest: int


def read_rewards(log: Path, since: int) -> Rewards:
    """All lists of a feedback log from a time on, also those of popular items, each once.

    Raises:
        EstimationError: a file cannot be read.
    """
    users, times, rewards, newest = [], [], [], -1
    for file in log_files(log):
        try:
            table = pq.read_table(file, columns=["user", "time", "rewards"])
            time = table["time"].cast(pa.int64()).to_numpy()
            newest = max(newest, int(time.max(initial=-1)))
            table = table.filter(pa.array(time >= since))
            values, real = ragged(table["rewards"], pa.float64()).padded()
            users.append(read_ids(table["user"])[0])
        except (OSError, ValueError, pa.ArrowException) as error:
            raise EstimationError(f"{file} cannot be read: {error}") from error
        times.append(time[time >= since])
        rewards.append(np.where(real, values, 0).sum(axis=1).astype(np.float64))
    user, time, reward = (np.concatenate(parts) for parts in (users, times, rewards))
    order = np.lexsort((user, time))
    user, time, reward = user[order], time[order], reward[order]
    fresh = np.ones(len(user), bool)
    fresh[1:] = (np.diff(user) != 0) | (np.diff(time) != 0)
    return Rewards(user[fresh], time[fresh], reward[fresh], newest)


def compare(rewards: Rewards, stage: Stage, until: int, alpha: float) -> Difference:
    """The second version less the first, in reward a user, at each look of a stage.

    Args:
        rewards: the lists since the stage began.
        stage: with two versions.
        until: looks up to this time.
        alpha: probability of an interval that does not hold at all looks, at most.
    """
    looks = np.arange(stage.since + LOOK, until + 1, LOOK)
    users, row = np.unique(rewards.user, return_inverse=True)
    version = stage.version_of(users)
    cell = np.searchsorted(looks, rewards.time, side="right")
    shape = len(looks) + 1, len(users)
    total, seen = np.zeros(shape), np.zeros(shape)
    np.add.at(total, (cell, row), rewards.reward)
    np.add.at(seen, (cell, row), 1)
    total, present = total.cumsum(axis=0)[:-1], seen.cumsum(axis=0)[:-1] > 0
    first, second = (Arm.of(total[:, version == arm], present[:, version == arm]) for arm in (0, 1))
    return difference(first, second, alpha)


def began(settings: LoopSettings, candidate: str, before: str, newest: int) -> str:
    """What CURRENT says when a candidate gets its first share; "" for all users at once."""
    if not settings.canary or not before:
        return ""
    stage = _shared(settings, before, candidate, settings.canary, newest)
    return to_text((*_stages(settings, before), stage))


def watch(settings: LoopSettings) -> Decision | None:
    """Decides on the version that has a share of the users, if there is one.

    Returns:
        The decision; None if nothing is to be decided now, or no version has a share.

    Raises:
        EstimationError: the log cannot be read.
        ModelError: CURRENT is wrong.
    """
    stages = current_stages(settings.models)
    if not stages or len(stages[-1].shares) != 2:  # the version before and this
        return None
    stage = stages[-1]
    (before, _), (candidate, share) = stage.shares
    rewards = read_rewards(settings.log, stage.since)
    looked = stage.since + (rewards.newest - stage.since) // LOOK * LOOK
    if looked <= stage.since:
        return None
    found = compare(rewards, stage, looked, ALPHA / len(LAST_SHARES))
    worse = np.flatnonzero(found.high < 0)
    last = int(worse[0]) if len(worse) else -1
    value, low, high = (float(each[last]) for each in (found.value, found.low, found.high))
    ends = f"{value:+.4g} a user ({low:+.4g} to {high:+.4g})"
    time, stops = rewards.newest, looked - stage.since >= settings.stage
    shares = [each for each in LAST_SHARES if each > share]
    if len(worse):
        action, reason = ROLLBACK, f"worse than {before}: {ends}"
        following = Stage(_begin(settings, time), ((before, 1.0),), candidate)
    elif not stops:
        return None
    elif shares[0] < 1:
        action, reason = RAMP, f"not shown to be worse than {before}: {ends}"
        following = _shared(settings, before, candidate, shares[0], time)
    else:
        action, reason = PROMOTE, f"not shown to be worse than {before}: {ends}"
        following = Stage(_begin(settings, time), ((candidate, 1.0),), candidate)
    decision = Decision(
        id=f"{candidate}-{share:g}-{action}",
        action=action,
        version=following.main,
        before=before,
        reason=reason,
        candidate=candidate,
        time=time,
        figures={
            "share": share,
            "since": following.since,
            "users": len(np.unique(rewards.user)),
            "difference": {"value": _finite(value), "low": _finite(low), "high": _finite(high)},
        },
        current=to_text((*stages, following)[-MOST_STAGES:]),
    )
    decide(settings.models, decision)
    return decision


def is_shared(settings: LoopSettings) -> bool:
    """Whether a version has a share of the users and waits for a decision."""
    if not (settings.models / CURRENT).exists():
        return False  # The first candidates were not promoted, or a crash came before.
    stages = current_stages(settings.models)
    return bool(stages) and len(stages[-1].shares) > 1


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _stages(settings: LoopSettings, before: str) -> tuple[Stage, ...]:
    stages = current_stages(settings.models)
    return stages[1 - MOST_STAGES :] if stages else (Stage(0, ((before, 1.0),)),)


def _shared(
    settings: LoopSettings, before: str, candidate: str, share: float, newest: int
) -> Stage:
    shares = ((before, 1 - share), (candidate, share))
    return Stage(_begin(settings, newest), shares, candidate)


def _begin(settings: LoopSettings, newest: int) -> int:
    """The first time at which new shares can hold: the job is not yet there."""
    lead = settings.lead
    if lead is None:
        window = int(common_settings(log_files(settings.log), None)["reward_window"])
        lead = 2 * window + WRITTEN
    return ceiling(newest + lead)
