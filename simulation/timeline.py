"""Who does something when: sessions of users who come and go, without what they do.

A session is 5 to 20 events, 1 to 60 s apart (log-normal, median 8 s), then comes a break of
at least 30 s whose mean is set so that all users together make `rate` events a second. Users
differ in how active they are (gamma, shape 2). Of the users a quarter arrives in the course
of the stream, and another quarter leaves for good.
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
"""Mean of the rounded and clipped gaps (s); a test holds it to that."""
BREAK_MIN = 30.0
NEWCOMERS = LEAVERS = 0.25
PRESENCE = 1 - (NEWCOMERS + LEAVERS) / 2
BUSIEST = SESSION_MEAN / (SESSION_MEAN * GAP_MEAN + BREAK_MIN + 10.0)
"""Events a second of a user who is hardly ever away."""
MEAN_LOAD = 0.7


class TooFewUsersError(ValueError):
    """So many events a second are beyond what so few users do."""


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """Events without their items, ordered by user and, within a user, by time.

    Attributes:
        user: int64 [n], indices of users.
        time: int64 [n], seconds since the epoch; strictly rising within a user.
    """

    user: Int64s
    time: Int64s


def fastest_rate(users: int) -> float:
    """Events a second that `users` users can be asked for."""
    return users * PRESENCE * BUSIEST * MEAN_LOAD


def timeline(
    rng: np.random.Generator, users: int, events: int, rate: float, start: int
) -> Timeline:
    """The first `events` events of `users` users from `start` (epoch seconds) on.

    Raises:
        TooFewUsersError: `rate` events a second are too many for the users.
    """
    if rate > fastest_rate(users):
        least = int(np.ceil(users * rate / fastest_rate(users)))
        raise TooFewUsersError(
            f"{rate:g} events a second are more than {users} users make: "
            f"at most {fastest_rate(users):.3g}, or at least {least} users"
        )
    speed = _speeds(rng, users, rate)
    span = events / rate
    arrives, leaves = np.full(users, -np.inf), np.full(users, np.inf)
    kind = rng.random(users)
    comes, goes = kind < NEWCOMERS, kind > 1 - LEAVERS
    goes[0] = False  # so that however many events are asked for, someone is there to make them
    arrives[comes] = rng.uniform(0, span, np.count_nonzero(comes))
    leaves[goes] = rng.uniform(0, span, np.count_nonzero(goes))
    horizon = span
    while True:
        horizon = horizon * 1.1 + 120.0
        user, time = _sessions(rng, speed, horizon)
        here = (time >= 0) & (time >= arrives[user]) & (time < leaves[user])
        if np.count_nonzero(here) >= events:
            break
    user, time = user[here], time[here]
    if len(time) > events:
        # What is cut are the last events of all; of equal times the later users' ones.
        kept = np.sort(np.argsort(time, kind="stable")[:events])
        user, time = user[kept], time[kept]
    return Timeline(user, time + start)


def _speeds(rng: np.random.Generator, users: int, rate: float) -> npt.NDArray[np.float64]:
    """Events a second of each user while present; together they make `rate`."""
    mean = rate / users / PRESENCE
    weight = rng.gamma(2.0, 0.5, users)
    speed = np.minimum(weight / weight.mean() * mean, BUSIEST)
    for _ in range(50):  # what the cap takes from the busiest goes to the others
        missing = mean / speed.mean()
        if missing < 1.0001:
            break
        speed = np.minimum(speed * missing, BUSIEST)
    return np.asarray(speed)


def _sessions(
    rng: np.random.Generator, speed: npt.NDArray[np.float64], horizon: float
) -> tuple[Int64s, Int64s]:
    """Users and times of all events from before 0 to `horizon`, user by user."""
    cycle = SESSION_MEAN / speed
    away = cycle - SESSION_MEAN * GAP_MEAN
    # Everyone begins up to two cycles before 0, so that 0 finds some in mid-session.
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
