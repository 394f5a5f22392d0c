"""The state of all users who see lists, vectorised over users.

A user has a session while its own events (`simulation.responsive.script`) are less than a break
apart. In a session the user may look at a list at each multiple of the period from the first event
to the first multiple after the last one. Users do not influence each other, and their random
numbers are keyed by (seed, user, time, item), so that the events do not depend on how users are
grouped into calls.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simulation.effects import DISAPPOINTMENT, Effects
from simulation.feedback import first_places, item_rewards, known_items, rewards, view_probability
from simulation.latents import Float32s, Funnel, Int64s
from simulation.model import World
from simulation.options import DEFAULT_START, LIST_PERIOD
from simulation.responsive.catalogue import NEVER, Catalogue
from simulation.responsive.keyed import Purpose, exponentials, uniforms
from simulation.responsive.memory import Memory
from simulation.responsive.script import Script
from transforms.columns.ranges import expand_ranges
from transforms.messages.events import EventBatch

Bools = npt.NDArray[np.bool_]
Int8s = npt.NDArray[np.int8]
Float64s = npt.NDArray[np.float64]

PV, CART, FAV, BUY = range(4)
SHORTEST_PERIOD = 4
"""Events after a view are up to 3 s later; they are before the next list."""


@dataclass(frozen=True, slots=True, eq=False)
class Reactions:
    """What users did with their lists.

    Attributes:
        seen: bool [n], the user looked at the list.
        behaviors: int8 [n, k], the best behavior on each item, delayed purchases included; -1 for
            an item that was not viewed.
        rewards: float32 [n, k], the rewards of these behaviors.
    """

    seen: Bools
    behaviors: Int8s
    rewards: Float32s


class ResponsiveWorld:
    """Users that see lists and react.

    Args:
        world: the users and items.
        effects: how lists change users.
        events: number of the users' own events; those who have no more are gone.
        rate: their events per second of event time.
        start: time of the first events, in seconds since the epoch.
        seed: seed of the events and reactions.
        period: time between two lists of a user, in seconds.
        pinned: a satisfaction that all users have at all times; None for the one of the effects.
        progress: called with the number of further events of the script that are done.

    Raises:
        ValueError: the period is too short; TooFewUsersError: the rate is too high.
    """

    def __init__(
        self,
        world: World,
        effects: Effects,
        events: int,
        rate: float,
        start: int = DEFAULT_START,
        seed: int = 0,
        period: int = LIST_PERIOD,
        pinned: float | None = None,
        progress: Callable[[int], None] = lambda events: None,
    ) -> None:
        if period < SHORTEST_PERIOD:
            raise ValueError(f"the period of lists is {period} s; at least {SHORTEST_PERIOD}")
        self.world, self.effects, self.period, self.seed = world, effects, period, seed
        end = start + round(events / rate)
        self.catalogue = Catalogue.make(world, effects, start, end, seed)
        changed = self.catalogue.changed(world) if effects.drift else None
        self._script = Script.make(world, changed, events, rate, start, seed, period, progress)
        self.memory = Memory(world.users, world.item_category, effects, start)
        self._pinned = pinned
        self.pending = EventBatch.empty()
        """Reactions whose time `advance` has not reached."""
        own = self._script.events
        self._row = self._script.first[:-1].copy()  # the next own event
        self._stop = self._row.copy()  # the row after the session's last own event
        self._next = self._row.copy()  # the row with which the next session begins
        self._shift = np.zeros(world.users, np.int64)  # time of an event - time in the script
        self._last = np.full(world.users, start)  # time of the session's last own event
        self._key = own.user * _SPAN + (own.time - start)
        self._start = start
        self.due = np.full(world.users, NEVER)
        """int64 [users], the time of each user's next list; NEVER for who is gone."""
        some = np.flatnonzero(np.diff(self._script.first))
        self._begin(some, own.time[self._row[some]])

    def advance(self, users: Int64s, times: Int64s) -> EventBatch:
        """The events of different users (ids) before their times, without those of earlier calls.

        A time is at most the user's `due` time.

        Returns:
            The distinct events, ordered by (user, time, item, behavior).
        """
        row = users - 1
        until = np.clip(times - self._shift[row] - self._start, 0, _SPAN - 1)
        high = np.searchsorted(self._key, users * _SPAN + until)
        high = np.clip(high, self._row[row], self._stop[row])
        owner, at = expand_ranges(self._row[row], high)
        self._row[row] = high
        own = self._own(users[owner], at, self._shift[row][owner])
        limit = np.full(self.world.users, np.iinfo(np.int64).min)
        limit[row] = times
        ready = self.pending.time < limit[self.pending.user - 1]
        events = EventBatch.concat((own, self.pending.take(ready))).ordered()
        self.pending = self.pending.take(~ready)
        self.memory.add(events)
        return events

    def show(self, users: Int64s, times: Int64s, lists: Int64s) -> Reactions:
        """Lets different users (ids) react to their lists at their `due` times.

        `advance` must have been called for these times.

        Args:
            users: int64 [n], ids.
            times: int64 [n], their due times.
            lists: int64 [n, k], ids of items; 0 and items that do not exist are not viewed.
        """
        row = users - 1
        lists = np.where(known_items(self.world, lists), lists, 0)
        self.memory.move(row, times)
        seen = uniforms(self.seed, Purpose.LOOK, users, times) < self.effects.attention
        seen &= (lists > 0).any(axis=1)
        view, funnel = self.odds(users, times, lists)
        exists = first_places(lists) & seen[:, None]
        coin = (users[:, None], times[:, None], lists)
        viewed = exists & (uniforms(self.seed, Purpose.VIEW, *coin) < view)
        cart = viewed & (uniforms(self.seed, Purpose.CART, *coin) < funnel.cart)
        fav = viewed & (uniforms(self.seed, Purpose.FAV, *coin) < funnel.fav)
        chance = np.where(cart, funnel.buy_carted, funnel.buy)
        buy = viewed & (uniforms(self.seed, Purpose.BUY, *coin) < chance)
        self._react(users, times, lists, (viewed, cart, fav, buy))
        fulfilment = np.where(viewed, self.catalogue.fulfilment[lists - 1], 0.0).sum(axis=1)
        fulfilment -= DISAPPOINTMENT * ~viewed.any(axis=1)
        self.memory.expose(row[seen], fulfilment[seen])
        self._continue(users, times, seen)
        best = np.where(buy, BUY, np.where(cart, CART, np.where(fav, FAV, PV)))
        behaviors = np.where(viewed, best, -1).astype(np.int8)
        return Reactions(seen, behaviors, rewards(behaviors))

    def odds(self, users: Int64s, times: Int64s, lists: Int64s) -> tuple[Float32s, Funnel]:
        """P(view | seen) of items at the users' due times, and the probabilities after a view.

        Args:
            users: int64 [n], ids of users.
            times: int64 [n], their due times; the memory must have been moved there.
            lists: int64 [n, k] or [1, k], ids of items that exist, or 0.
        """
        rows = self.catalogue.rows(users, times)
        items = np.broadcast_to(lists, (len(users), lists.shape[1]))
        affinity = self.catalogue.affinity(rows, items)
        return self.view(users, times, lists), self.world.funnel(affinity, items - 1)

    def view(self, users: Int64s, times: Int64s, lists: Int64s) -> Float32s:
        """P(view | seen) of items, float32 [n, k]; the arguments are those of `odds`."""
        rows = self.catalogue.rows(users, times)
        penalty = self.memory.penalty(users - 1, lists)
        history = self.memory.history[users - 1]
        view = view_probability(self.catalogue.world, rows, history, lists, penalty=penalty)
        born = self.catalogue.born[lists - 1] <= times[:, None]
        return np.where((lists > 0) & born, view, np.float32(0))

    def expected_reward(self, users: Int64s, times: Int64s, lists: Int64s) -> Float32s:
        """The expected reward of lists that are seen at the users' due times, float32 [n]."""
        self.memory.move(users - 1, times)
        each = item_rewards(*self.odds(users, times, lists))
        return np.asarray((each * first_places(lists)).sum(axis=1))

    def satisfaction(self, rows: Int64s) -> Float64s:
        """The satisfaction of users (indices) at their last lists, float64 [n]."""
        if self._pinned is not None:
            return np.full(len(rows), self._pinned)
        return self.memory.satisfaction(rows)

    @property
    def gone(self) -> Bools:
        """Users who have no more own events in the script; bool [users]."""
        return np.asarray(self.due == NEVER)

    def rest(self) -> EventBatch:
        """The events that remain after all lists, ordered by (user, time, item, behavior)."""
        events, self.pending = self.pending.ordered(), EventBatch.empty()
        return events

    def _own(self, users: Int64s, at: Int64s, shift: Int64s) -> EventBatch:
        """Users' own events at rows of the script."""
        script, catalogue = self._script, self.catalogue
        time = script.events.time[at] + shift
        item, behavior = script.events.item[at], script.events.behavior[at]
        if self.effects.drift:
            changed = time >= catalogue.changes[users - 1]
            item = np.where(changed, script.changed.item[at], item)
            behavior = np.where(changed, script.changed.behavior[at], behavior)
        if self.effects.new_items:
            item = np.where(catalogue.born[item - 1] > time, catalogue.elder[item - 1] + 1, item)
        return EventBatch(users, item, behavior, time)

    def _react(
        self, users: Int64s, times: Int64s, lists: Int64s, did: tuple[Bools, Bools, Bools, Bools]
    ) -> None:
        """Queues the events of views, carts, favourites and purchases, each bool [n, k]."""
        step = (self.period - SHORTEST_PERIOD) / max(1, lists.shape[1])
        found = [self.pending]
        for behavior, happened in enumerate(did):
            row, place = np.nonzero(happened)
            user, item = users[row], lists[row, place]
            # Within the period: the view of a place, and each further behavior a second later.
            time = times[row] + (place * step).astype(np.int64) + behavior
            if behavior == BUY and self.effects.delay:
                key = (user, times[row], item)
                later = uniforms(self.seed, Purpose.LATER, *key) < self.effects.delay
                wait = exponentials(self.seed, Purpose.DELAY, *key) * self.effects.delay_time
                time = time + np.where(later, np.ceil(wait), 0).astype(np.int64)
            found.append(EventBatch(user, item, np.full(len(row), behavior, np.int8), time))
        self.pending = EventBatch.concat(found)

    def _continue(self, users: Int64s, times: Int64s, seen: Bools) -> None:
        """Sets the time of the next list, in this session or in the next one."""
        row, rate = users - 1, self.effects.session
        satisfied = self.satisfaction(row)
        leave = seen & (
            uniforms(self.seed, Purpose.LEAVE, users, times)
            < -np.expm1(-rate * np.maximum(-satisfied, 0))
        )
        over = leave | (times > self._last[row])
        self.due[row] = np.where(over, NEVER, times + self.period)
        self._stop[row[leave]] = self._row[row[leave]]
        row, leave, satisfied, times = row[over], leave[over], satisfied[over], times[over]
        if not len(row):
            return
        end = np.where(leave, np.minimum(self._last[row], times), self._last[row])
        following = self._next[row]
        exists = following < self._script.first[row + 1]
        row, leave, satisfied = row[exists], leave[exists], satisfied[exists]
        times, end, following = times[exists], end[exists], following[exists]
        script = self._script.events.time
        gap = (script[following] - script[following - 1]).astype(np.float64)
        gap = np.rint(gap * np.exp(-self.effects.return_rate * satisfied)).astype(np.int64)
        goes_on = ~leave & (
            uniforms(self.seed, Purpose.GO_ON, row + 1, times)
            < -np.expm1(-rate * np.maximum(satisfied, 0))
        )
        gap = np.where(goes_on, np.minimum(gap, self.period), gap)
        self._row[row] = following
        self._begin(row, np.maximum(end + gap, times))

    def _begin(self, row: Int64s, first: Int64s) -> None:
        """Begins sessions of different users (indices), whose first own events are at `first`."""
        own, at = self._script.events.time, self._row[row]
        self._shift[row] = first - own[at]
        self._next[row] = self._stop[row] = self._script.session_end[at]
        self._last[row] = own[self._stop[row] - 1] + self._shift[row]
        self.due[row] = first // self.period * self.period + self.period
        self.memory.move(row, first)


_SPAN = 1 << 36
"""More seconds than a script lasts."""
