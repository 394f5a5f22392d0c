"""Tombstones for the stand-ins of a shard."""

from collections.abc import Iterable

import numpy as np

from tests.oracle.forgotten import Tombstone
from transforms.histories.forgotten import ForgottenTimeline


class FakeForgotten:
    """A source that is its own view; tombstones can be added at any time."""

    def __init__(self, tombstones: Iterable[Tombstone] = ()) -> None:
        self._timeline = ForgottenTimeline()
        for user, time in tombstones:
            self.add(user, time)

    def add(self, user: int, time: int, partition: int = 0) -> None:
        place = np.array([len(self._timeline)])
        self._timeline.add(np.array([user]), np.array([time]), partition, place)

    def load(self) -> "FakeForgotten":
        return self

    def at(self, time: int) -> ForgottenTimeline:
        del time
        return self._timeline
