"""The world that answers, one user and one event at a time in plain Python.

It shares with the vectorised world the random numbers, the users' own events, and the odds of
`simulation.feedback` for a single item, which have an oracle of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from simulation.effects import DISAPPOINTMENT
from simulation.feedback import odds
from simulation.responsive.keyed import Purpose, exponentials, uniforms
from simulation.responsive.world import ResponsiveWorld

Event = tuple[int, int, int, int]  # time, user, item, behavior


def coin(world: ResponsiveWorld, purpose: Purpose, *keys: int) -> float:
    return float(uniforms(world.seed, purpose, *(np.array([key]) for key in keys))[0])


class User:
    """One user: its own events in sessions, and how it reacts."""

    def __init__(self, world: ResponsiveWorld, user: int) -> None:
        self.world, self.user, self.effects = world, user, world.effects
        self.events: list[Event] = []
        self.views: list[tuple[int, int]] = []  # time, item: all views so far
        self.exposures: list[tuple[int, float]] = []
        self.lists: list[tuple[int, list[int], float]] = []
        self.sessions = self._sessions()

    def _sessions(self) -> list[list[Event]]:
        script = self.world._script
        rows = [row for row in range(len(script.events)) if script.events.user[row] == self.user]
        sessions: list[list[int]] = []
        for row in rows:
            time = int(script.events.time[row])
            if not sessions or time - int(script.events.time[sessions[-1][-1]]) > 60:
                sessions.append([])
            sessions[-1].append(row)
        return sessions

    def run(self, policy: Callable[[int, int, list[int]], list[int]]) -> None:
        script = self.world._script.events
        period = self.world.period
        first = int(script.time[self.sessions[0][0]]) if self.sessions else 0
        for number, session in enumerate(self.sessions):
            shift = first - int(script.time[session[0]])
            times = [int(script.time[row]) + shift for row in session]
            moment = first // period * period + period
            while True:
                left = self._list(moment, list(zip(session, times, strict=True)), policy)
                if left or moment > times[-1]:
                    break
                moment += period
            own = [(row, time) for row, time in zip(session, times, strict=True) if time < moment]
            self._do_own(own)
            if number + 1 == len(self.sessions):
                return
            end = min(times[-1], moment) if left else times[-1]
            gap: float = int(script.time[self.sessions[number + 1][0]]) - int(
                script.time[session[-1]]
            )
            satisfied = self._satisfaction(moment)
            gap = round(gap * math.exp(-self.effects.return_rate * satisfied))
            goes_on = 1 - math.exp(-self.effects.session * max(satisfied, 0))
            if not left and coin(self.world, Purpose.GO_ON, self.user, moment) < goes_on:
                gap = min(gap, period)
            first = max(end + gap, moment)

    def _do_own(self, rows: list[tuple[int, int]]) -> None:
        """Own events of a session before the present, each once."""
        world, script = self.world, self.world._script
        for row, time in rows:
            changed = time >= world.catalogue.changes[self.user - 1]
            source = script.changed if changed else script.events
            item = int(source.item[row])
            if world.catalogue.born[item - 1] > time:
                item = int(world.catalogue.elder[item - 1]) + 1
            event = (time, self.user, item, int(source.behavior[row]))
            if event not in self.events:
                self.events.append(event)
                if event[3] == 0:
                    self.views.append((time, item))

    def _satisfaction(self, moment: int) -> float:
        total = sum(
            amount * math.exp(-(moment - time) / self.effects.satisfaction_time)
            for time, amount in self.exposures
        )
        return math.tanh(total)

    def _list(
        self,
        moment: int,
        session: list[tuple[int, int]],
        policy: Callable[[int, int, list[int]], list[int]],
    ) -> bool:
        """Shows a list; whether the user leaves."""
        world, effects, user = self.world, self.effects, self.user
        self._do_own([(row, time) for row, time in session if time < moment])
        past = sorted({(time, item, behavior) for time, _, item, behavior in self.events
                       if time < moment})  # fmt: skip
        history = [item for _, item, _ in past][-10:]
        shown = policy(user, moment, history)
        seen = coin(world, Purpose.LOOK, user, moment) < effects.attention
        reward, exposure, viewed_any = 0.0, 0.0, False
        for place, item in enumerate(shown):
            if not seen or item in shown[:place] or world.catalogue.born[item - 1] > moment:
                continue
            view, cart, fav, buy, buy_carted = self._odds(moment, history, item)
            if coin(world, Purpose.VIEW, user, moment, item) >= view:
                continue
            viewed_any = True
            exposure += float(world.catalogue.fulfilment[item - 1])
            time = moment + int(place * (world.period - 4) / len(shown))
            carted = coin(world, Purpose.CART, user, moment, item) < cart
            faved = coin(world, Purpose.FAV, user, moment, item) < fav
            bought = coin(world, Purpose.BUY, user, moment, item) < (buy_carted if carted else buy)
            wait = 0
            if coin(world, Purpose.LATER, user, moment, item) < effects.delay:
                keys = [np.array([key]) for key in (user, moment, item)]
                wait = math.ceil(
                    exponentials(world.seed, Purpose.DELAY, *keys)[0] * effects.delay_time
                )
            did = [(time, 0)] + [(time + 1, 1)] * carted + [(time + 2, 2)] * faved
            for when, behavior in did + [(time + 3 + wait, 3)] * bought:
                self.events.append((when, user, item, behavior))
            self.views.append((time, item))
            reward += 3 if bought else 2 if carted or faved else 1
        if not seen:
            self.lists.append((moment, shown, 0.0))
            return False
        self.lists.append((moment, shown, reward))
        self.exposures.append((moment, exposure if viewed_any else -DISAPPOINTMENT))
        leaves = 1 - math.exp(-effects.session * max(-self._satisfaction(moment), 0))
        return coin(world, Purpose.LEAVE, user, moment) < leaves

    def _odds(self, moment: int, history: list[int], item: int) -> tuple[float, ...]:
        world, effects = self.world, self.effects
        category = world.world.item_category
        satiation = sum(
            math.exp(-(moment - time) / effects.satiation_time)
            for time, other in self.views
            if time < moment and category[other - 1] == category[item - 1]
        )
        changed = moment >= world.catalogue.changes[self.user - 1]
        latents = world.catalogue.changed(world.world) if changed else world.world
        padded = np.array([[0] * (10 - len(history)) + history])
        lost = np.array([[effects.satiation * satiation]], np.float32)
        view, funnel = odds(
            latents, np.array([self.user]), padded, np.array([[item]]), penalty=lost
        )
        parts = (view, funnel.cart, funnel.fav, funnel.buy, funnel.buy_carted)
        return tuple(float(part[0, 0]) for part in parts)
