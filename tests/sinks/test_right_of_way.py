"""The right of way, by a clock of the test's own."""

import copy
import itertools
import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sinks import write_priority
from sinks.write_priority import CALM, LONGEST, REST, AnnounceDeadline, UrgentWrites, of_this_host
from transforms.messages.events import EventBatch


class Clock:
    """Time passes only by sleeping; at each sleep what is urgent may go on."""

    def __init__(self, urgent_until: float = 0.0) -> None:
        self.now, self.urgent_until = 100.0, 100.0 + urgent_until
        self.way = UrgentWrites(bytearray(8), lambda: self.now, self.sleep)

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        until = self.now + seconds
        if self.now < self.urgent_until:
            until = min(until, self.now + CALM / 3)
            self.now = until
            self.way.take()
        self.now = until

    def waited(self) -> float:
        started = self.now
        self.way.give()
        return round(self.now - started, 6)


def test_with_nothing_urgent_nobody_waits() -> None:
    clock = Clock()
    assert clock.waited() == 0
    clock.way.take()
    clock.now += 1.01 * CALM
    assert clock.waited() == 0


def test_others_go_on_when_it_is_calm() -> None:
    clock = Clock(urgent_until=1.0)
    clock.way.take()
    assert 1.0 <= clock.waited() <= 1.0 + 2 * CALM


def test_others_wait_no_longer_than_the_longest_and_then_not_for_a_while() -> None:
    clock = Clock(urgent_until=1000.0)
    clock.way.take()
    assert LONGEST <= clock.waited() <= LONGEST + CALM
    assert clock.waited() == 0
    clock.now += REST
    clock.way.take()
    assert clock.waited() >= LONGEST


def test_two_that_wait_share_one_wait() -> None:
    clock = Clock(urgent_until=1000.0)
    clock.way.take()
    clock.waited()
    clock.now -= LONGEST / 2  # Another thread came in the middle of it.
    clock.way.take()
    assert clock.waited() <= LONGEST / 2 + CALM


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(write_priority.tempfile, "tempdir", str(tmp_path))
    of_this_host.cache_clear()
    yield tmp_path
    # The tests that follow share the host's own again.
    of_this_host.cache_clear()


def test_processes_of_a_host_share_it(folder: Path) -> None:
    way = of_this_host()
    assert not way._is_taken(way._now())
    other = multiprocessing.get_context("fork").Process(
        target=lambda: (of_this_host.cache_clear(), of_this_host().take())
    )
    other.start()
    other.join()
    assert other.exitcode == 0
    way.give()
    assert way._wait_ends > 0


def test_way_is_made_by_the_events_that_end_a_t(folder: Path) -> None:
    way, make = of_this_host(), AnnounceDeadline(period=20, behind=2)

    another = copy.deepcopy(make)  # Of the same job: a runner makes many.
    turns = itertools.cycle((make, another))

    def is_made_by(*times: int) -> bool:
        way._moment[:] = bytes(8)
        none = np.ones(len(times), np.int64)
        events = EventBatch(none, none, none.astype(np.int8), np.array(times, np.int64))
        assert list(next(turns).process(events)) == [events]
        return way._is_taken(way._now())

    assert is_made_by(1001)
    assert not is_made_by(990, 1001)
    assert is_made_by(985, 1002)
    assert not is_made_by(1021)
    assert not is_made_by()
    assert is_made_by(1022)


def test_a_link_in_its_place_is_not_followed(folder: Path) -> None:
    precious = folder / "precious"
    precious.write_text("not to be cut to eight bytes")
    (folder / f"rivulet-right-of-way-{os.getuid()}").symlink_to(precious)
    of_this_host().take()
    assert precious.read_text() == "not to be cut to eight bytes"


def test_the_future_is_none_of_it() -> None:
    clock = Clock()
    clock.now += 1000
    clock.way.take()
    clock.now -= 900
    assert clock.waited() == 0
