"""Items and behaviors of all events of a timeline.

A user's next event depends on the last ones, so that the computation is vectorised over users and
not over time. Step k draws the k-th event of each user with at least k events. Users are ordered by
descending number of events: these users are the first n_k rows of each state array.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simulation.latents import DECAY, MEMORY, MOMENTUM_WEIGHT, STALENESS, TASTE_WEIGHT, Latents
from simulation.timeline import Timeline

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
Int8s = npt.NDArray[np.int8]

PART_SIZE = 4
"""Items in each of the page's three parts."""
DRIFT_STEP = 300
"""Seconds for which the exposure is constant."""
TABLE_LIMIT = 16_000_000
"""Maximum size of the exposure table; DRIFT_STEP is increased to fit."""


@dataclass(frozen=True, slots=True, eq=False)
class _ExposureTable:
    """Cumulative exposure by period of time, with items ordered by category.

    The values of period e are from e to e + 1, so that one sorted array has all periods.
    """

    start: int
    step: int
    cumulative: Float64s  # [periods * items], ascending
    edges: Float64s  # [periods, categories + 1], first value of each category
    item: Int64s  # [items], indices of items, ordered by category

    @staticmethod
    def make(world: Latents, first: int, last: int) -> _ExposureTable:
        most = max(1, TABLE_LIMIT // world.items)
        step = max(DRIFT_STEP, -(-(last - first + 1) // most))
        periods = (last - first) // step + 1
        order = np.argsort(world.item_category, kind="stable")
        cumulative = np.empty((periods, world.items))
        for period in range(periods):
            exposure = world.exposure(first + (period + 0.5) * step)
            np.cumsum(exposure[order], out=cumulative[period])
            cumulative[period] /= cumulative[period, -1]
            cumulative[period] += period
        sizes = np.bincount(world.item_category, minlength=len(world.category_cluster))
        ends = np.cumsum(sizes)
        edges = np.empty((periods, len(ends) + 1))
        edges[:, 0] = np.arange(periods)
        edges[:, 1:] = cumulative[:, ends - 1]
        return _ExposureTable(first, step, cumulative.ravel(), edges, order)

    def draw(self, low: Float64s, high: Float64s, uniform: Float64s) -> Int64s:
        """The items at `low + uniform * (high - low)`, elementwise."""
        at = np.searchsorted(self.cumulative, low + uniform * (high - low), side="right")
        at = np.minimum(at, len(self.cumulative) - 1)  # rounding may exceed the last value
        return np.asarray(self.item[at % len(self.item)])


class Walk:
    """The state of all users between steps. Rows are users by descending number of events."""

    def __init__(self, world: Latents, line: Timeline, rng: np.random.Generator) -> None:
        """Initialises the state of `world`'s users for the events of `line`."""
        self._world, self._rng, self._time = world, rng, line.time
        counts = np.bincount(line.user, minlength=world.users)
        self._order = np.argsort(-counts, kind="stable")
        self._first = (np.cumsum(counts) - counts)[self._order]
        self._counts = counts[self._order]
        self._exposure = _ExposureTable.make(world, int(line.time.min()), int(line.time.max()))
        likes = np.cumsum(world.cluster_likes(), axis=1)
        likes[:, -1] = 1.0
        self._likes = likes + np.arange(len(likes))[:, None]
        self._taste = world.user_taste[self._order]
        self._cluster = world.user_cluster[self._order]
        self._recent = np.full((MEMORY, world.users), -1, np.int64)  # slot k % MEMORY: event k
        self._trace = np.zeros_like(self._taste)  # sum over the memory of DECAY^age v
        self._pending = np.zeros(world.users, np.uint8)  # bits: cart 1, fav 2, buy 4

    def run(self, progress: Callable[[int], None]) -> tuple[Int64s, Int8s]:
        """Draws all events.

        Args:
            progress: called with the number of events of each step.

        Returns:
            Items (indices) and behaviors, in the timeline's order.
        """
        items = np.empty(len(self._time), np.int64)
        behaviors = np.empty(len(self._time), np.int8)
        for step in range(int(self._counts[0])):
            active = int(np.searchsorted(-self._counts, -step, side="left"))
            at = self._first[:active] + step
            item, behavior = self._step(step, self._time[at])
            items[at], behaviors[at] = item, behavior
            progress(active)
        return items, behaviors

    def _step(self, step: int, time: Int64s) -> tuple[Int64s, Int8s]:
        n = len(time)
        pending = self._pending[:n]
        free = np.flatnonzero(pending == 0)
        item = self._recent[(step - 1) % MEMORY, :n].copy()
        # The lowest pending bit is the next behavior: cart, then fav, then buy.
        bit = pending & (~pending + np.uint8(1))
        behavior = _BEHAVIOR_OF_BIT[bit]
        pending &= pending - (bit > 0)
        if len(free):
            item[free], affinity = self._choose(step, free, time[free])
            pending[free] = self._decide(affinity, item[free])
        self._append_to_history(step, item)
        return item, behavior

    def _choose(
        self, step: int, rows: Int64s, time: Int64s
    ) -> tuple[Int64s, npt.NDArray[np.float32]]:
        """The item that each user of `rows` chooses from a page, and <taste, item>."""
        page = self._page(step, rows, time)
        length = min(step, MEMORY)
        preference = self._taste[rows] * np.float32(TASTE_WEIGHT)
        if length:
            norm = (1 - DECAY**length) / (1 - DECAY)
            preference += self._trace[rows] * np.float32(MOMENTUM_WEIGHT / norm)
        vectors = self._world.item_vector[page]
        appeal = np.einsum("nmd,nd->nm", vectors, preference)
        stale = np.zeros(page.shape, bool)
        for slot in range(length):
            stale |= page == self._recent[slot, rows][:, None]
        appeal -= np.float32(STALENESS) * stale
        odds = np.cumsum(np.exp(appeal), axis=1)
        target = self._rng.random(len(rows), dtype=np.float32) * odds[:, -1]
        picked = np.minimum((odds <= target[:, None]).sum(axis=1), page.shape[1] - 1)
        across = np.arange(len(rows))
        affinity = np.einsum("nd,nd->n", vectors[across, picked], self._taste[rows])
        return page[across, picked], affinity

    def _page(self, step: int, rows: Int64s, time: Int64s) -> Int64s:
        table, n = self._exposure, len(rows)
        period = ((time - table.start) // table.step)[:, None]
        uniform = self._rng.random((n, 3 * PART_SIZE))
        which = self._rng.random((n, 2 * PART_SIZE))
        liked = (
            np.searchsorted(
                self._likes.ravel(),
                self._cluster[rows][:, None] + which[:, :PART_SIZE],
                side="right",
            )
            % self._likes.shape[1]
        )
        near = liked
        if length := min(step, MEMORY):
            ladder = 1 - which[:, PART_SIZE:] * (1 - DECAY**length)
            age = np.minimum((np.log(ladder) / np.log(DECAY)).astype(np.int64), length - 1)
            recent = self._recent[(step - 1 - age) % MEMORY, rows[:, None]]
            near = self._world.item_category[recent]
        category = np.concatenate((liked, near), axis=1)
        low, high = np.empty((n, 3 * PART_SIZE)), np.empty((n, 3 * PART_SIZE))
        low[:, :PART_SIZE] = period
        high[:, :PART_SIZE] = period + 1
        low[:, PART_SIZE:] = table.edges[period, category]
        high[:, PART_SIZE:] = table.edges[period, category + 1]
        return table.draw(low, high, uniform)

    def _decide(self, affinity: npt.NDArray[np.float32], item: Int64s) -> npt.NDArray[np.uint8]:
        """The next behaviors of the viewers of `item`, as bits."""
        funnel = self._world.funnel(affinity, item)
        chance = self._rng.random((3, len(item)), dtype=np.float32)
        cart = chance[0] < funnel.cart
        fav = chance[1] < funnel.fav
        buy = chance[2] < np.where(cart, funnel.buy_carted, funnel.buy)
        return np.asarray(cart + 2 * fav + 4 * buy, dtype=np.uint8)

    def _append_to_history(self, step: int, item: Int64s) -> None:
        n, slot = len(item), step % MEMORY
        trace = self._trace[:n]
        trace *= np.float32(DECAY)
        trace += self._world.item_vector[item]
        if step >= MEMORY:
            expired = self._world.item_vector[self._recent[slot, :n]]
            trace -= np.float32(DECAY**MEMORY) * expired
        self._recent[slot, :n] = item


_BEHAVIOR_OF_BIT = np.array([0, 1, 2, -1, 3], np.int8)
