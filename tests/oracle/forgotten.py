"""Forgotten users: each life of a user, up to a tombstone, is a user of its own."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tests.oracle.events import Event

Tombstone = tuple[int, int]
"""(user, time)"""


class Life(NamedTuple):
    user: int
    number: int
    end: float


class Lives:
    """The lives of users, as numbers in the order of users and times.

    Args:
        events: all events.
        tombstones: what a user did up to the time is forgotten.
    """

    def __init__(self, events: Iterable[Event], tombstones: Sequence[Tombstone]) -> None:
        self._tombstones = sorted(set(tombstones))
        found = {self.of(event.user, event.time) for event in events}
        self.lives = sorted(found)

    def of(self, user: int, time: int) -> Life:
        """The life that a moment of a user is in."""
        times = [at for other, at in self._tombstones if other == user]
        number = sum(at < time for at in times)
        return Life(user, number, times[number] if number < len(times) else float("inf"))

    def number(self, user: int, time: int) -> int:
        """The number of a life, -1 of one without events."""
        life = self.of(user, time)
        return self.lives.index(life) if life in self.lives else -1

    def divided(self, events: Iterable[Event]) -> list[Event]:
        """The events, with lives in the place of users."""
        return [event._replace(user=self.number(event.user, event.time)) for event in events]
