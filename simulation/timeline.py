"""The times of all events, without their items and behaviors: sessions of users.

A session has 5 to 20 events with gaps of 1 to 60 s (log-normal, median 8 s). A break of at least
30 s follows; its mean is such that all users together have `rate` events a second. Users' activity
varies (gamma, shape 2). A quarter of the users arrive during the stream, and another quarter leave.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]

SESSION_MIN, SESSION_MAX = 5, 20
SESSION_MEAN = (SESSION_MIN + SESSION_MAX) / 2
GAP_MEDIAN, GAP_SPREAD, GAP_MAX = 8.0, 0.7, 60.0
GAP_MEAN = 10.19
"""Mean of the rounded and clipped gaps, in seconds."""
BREAK_MIN = 30.0
NEWCOMERS = LEAVERS = 0.25
PRESENCE = 1 - (NEWCOMERS + LEAVERS) / 2
BUSIEST = SESSION_MEAN / (SESSION_MEAN * GAP_MEAN + BREAK_MIN + 10.0)
"""Maximum events a second of a user, with breaks of 40 s."""
MEAN_LOAD = 0.7


class TooFewUsersError(ValueError):
    """The rate is too high for the number of users."""


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """Users and times of events, ordered by user and time.

    Attributes:
        user: int64 [n], indices of users.
        time: int64 [n], seconds since the epoch; strictly ascending within a user.
    """

    user: Int64s
    time: Int64s


def fastest_rate(users: int) -> float:
    """The maximum rate for a number of users, in events a second."""
    return users * PRESENCE * BUSIEST * MEAN_LOAD


def timeline(
    rng: np.random.Generator, users: int, events: int, rate: float, start: int
) -> Timeline:
    """The first `events` events of `users` users from `start` (epoch seconds) on.

    Raises:
        TooFewUsersError: `rate` is too high for the number of users.
    """
    if rate > fastest_rate(users):
        least = int(np.ceil(users * rate / fastest_rate(users)))
        raise TooFewUsersError(
            f"{users} users have at most {fastest_rate(users):.3g} events a second, not {rate:g}: "
            f"at least {least} users are necessary"
        )
    speed = _speeds(rng, users, rate)
    span = events / rate
    arrives, leaves = np.full(users, -np.inf), np.full(users, np.inf)
    kind = rng.random(users)
    arriving, leaving = kind < NEWCOMERS, kind > 1 - LEAVERS
    leaving[0] = False  # at least one user stays, for any number of events
    arrives[arriving] = rng.uniform(0, span, np.count_nonzero(arriving))
    leaves[leaving] = rng.uniform(0, span, np.count_nonzero(leaving))
    horizon = span
    while True:
        horizon = horizon * 1.1 + 120.0
        user, time = _sessions(rng, speed, horizon)
        here = (time >= 0) & (time >= arrives[user]) & (time < leaves[user])
        if np.count_nonzero(here) >= events:
            break
    user, time = user[here], time[here]
    if len(time) > events:
        # Drops the last events; of equal times those of higher user ids.
        kept = np.sort(np.argsort(time, kind="stable")[:events])
        user, time = user[kept], time[kept]
    return Timeline(user, time + start)


def _speeds(rng: np.random.Generator, users: int, rate: float) -> npt.NDArray[np.float64]:
    """Events a second of each user while present; their sum is `rate`."""
    mean = rate / users / PRESENCE
    weight = rng.gamma(2.0, 0.5, users)
    speed = np.minimum(weight / weight.mean() * mean, BUSIEST)
    for _ in range(50):  # distributes what exceeds the maximum over the other users
        missing = mean / speed.mean()
        if missing < 1.0001:
            break
        speed = np.minimum(speed * missing, BUSIEST)
    return np.asarray(speed)


def _sessions(
    rng: np.random.Generator, speed: npt.NDArray[np.float64], horizon: float
) -> tuple[Int64s, Int64s]:
    """Users and times of all events from 0 to `horizon`, ordered by user."""
    cycle = SESSION_MEAN / speed
    away = cycle - SESSION_MEAN * GAP_MEAN
    # Each user starts up to two cycles before 0, so that some sessions are in progress at 0.
    begin = -rng.uniform(0, 2, len(speed)) * cycle
    expected = (horizon - begin) / cycle
    sessions = np.ceil(expected + 4 * np.sqrt(expected) + 3).astype(np.int64)
    owner = np.repeat(np.arange(len(speed)), sessions)
    length = rng.integers(SESSION_MIN, SESSION_MAX + 1, len(owner))
    pause = BREAK_MIN + rng.exponential(away[owner] - BREAK_MIN)
    gap = np.exp(rng.normal(np.log(GAP_MEDIAN), GAP_SPREAD, int(length.sum())))
    step = np.clip(np.rint(gap), 1, GAP_MAX).astype(np.int64)
    first = np.cumsum(length) - length
    step[first] += np.rint(pause).astype(np.int64)
    user = np.repeat(owner, length)
    clock = np.cumsum(step)
    newest = np.concatenate(([0], np.cumsum(np.bincount(user, minlength=len(speed)))[:-1]))
    offset = clock[newest] - step[newest] - np.rint(begin).astype(np.int64)
    time = clock - offset[user]
    inside = (time >= 0) & (time < horizon)
    return user[inside], time[inside]
