"""What users remember: the last items, satiation by category, and net exposure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from simulation.effects import Effects
from simulation.latents import MEMORY, Int64s
from transforms.columns.ranges import run_starts
from transforms.messages.events import EventBatch

Float64s = npt.NDArray[np.float64]


class Memory:
    """The memory of all users; rows are users' indices.

    Satiation and exposure are values at the time `at`. They are moved to another time only at
    lists and at the beginning of sessions, so that they do not depend on the steps in which users'
    own events are read.

    Args:
        users: number of users.
        categories: category of each item, int64 [items].
        effects: the strengths and recovery times.
        start: the time of the beginning, in seconds since the epoch.
    """

    def __init__(self, users: int, categories: Int64s, effects: Effects, start: int) -> None:
        self.history = np.zeros((users, MEMORY), np.int64)
        self._exposure = np.zeros(users)
        self._at = np.full(users, start)
        self._categories, self._effects = categories, effects
        size = int(categories.max()) + 1 if effects.satiation else 0
        self._satiation = np.zeros((users, size))

    def move(self, rows: Int64s, times: Int64s) -> None:
        """Lets satiation and exposure of different users fade until some times."""
        passed = (times - self._at[rows]).astype(np.float64)
        self._exposure[rows] *= np.exp(-passed / self._effects.satisfaction_time)
        if self._effects.satiation:
            self._satiation[rows] *= np.exp(-passed / self._effects.satiation_time)[:, None]
        self._at[rows] = times

    def add(self, events: EventBatch) -> None:
        """Adds events, which are ordered by user and time."""
        if not len(events):
            return
        self._append(events.user - 1, events.item)
        if self._effects.satiation:
            views = events.take(events.behavior == 0)
            row = views.user - 1
            weight = np.exp((views.time - self._at[row]) / self._effects.satiation_time)
            np.add.at(self._satiation, (row, self._categories[views.item - 1]), weight)

    def expose(self, rows: Int64s, amounts: Float64s) -> None:
        """Adds to the net exposure of different users."""
        self._exposure[rows] += amounts

    def satisfaction(self, rows: Int64s) -> Float64s:
        """Tanh of the net exposure at the time of the last `move`, float64 [n]."""
        return np.asarray(np.tanh(self._exposure[rows]))

    def penalty(self, rows: Int64s, items: Int64s) -> npt.NDArray[np.float32] | None:
        """The appeal that items (ids) [n, k] or [1, k] lose by satiation; None for nothing."""
        if not self._effects.satiation:
            return None
        category = self._categories[items - 1]  # the padding 0 is the last item: it is not viewed
        lost = self._effects.satiation * self._satiation[rows[:, None], category]
        return np.asarray(lost, np.float32)

    def _append(self, row: Int64s, item: Int64s) -> None:
        starts = run_starts(row)
        ends = np.append(starts[1:], len(row))
        who, count = row[starts], ends - starts
        column = np.arange(MEMORY) + count[:, None]
        old = np.take_along_axis(self.history[who], np.minimum(column, MEMORY - 1), axis=1)
        age = np.repeat(ends, count) - 1 - np.arange(len(row))
        self.history[who] = old
        newest = age < MEMORY
        self.history[row[newest], MEMORY - 1 - age[newest]] = item[newest]
