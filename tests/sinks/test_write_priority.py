"""Write priority, with a clock of the test's own."""

import copy
import itertools
import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sinks import write_priority
from sinks.write_priority import (
    LONGEST_YIELD,
    URGENT_SECONDS,
    YIELD_INTERVAL,
    AnnounceDeadline,
    UrgentWrites,
    host_urgent_writes,
)
from transforms.messages.events import EventBatch


class Clock:
    """Time passes only by sleeping; until `urgent_until` each sleep finds urgent work."""

    def __init__(self, urgent_until: float = 0.0) -> None:
        self.now, self.urgent_until = 100.0, 100.0 + urgent_until
        self.urgent = UrgentWrites(bytearray(8), lambda: self.now, self.sleep)

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        until = self.now + seconds
        if self.now < self.urgent_until:
            until = min(until, self.now + URGENT_SECONDS / 3)
            self.now = until
            self.urgent.begin_urgent()
        self.now = until

    def waited(self) -> float:
        started = self.now
        self.urgent.yield_to_urgent()
        return round(self.now - started, 6)


def test_without_urgent_work_nothing_waits() -> None:
    clock = Clock()
    assert clock.waited() == 0
    clock.urgent.begin_urgent()
    clock.now += 1.01 * URGENT_SECONDS
    assert clock.waited() == 0


def test_writes_go_on_when_urgent_work_has_ended() -> None:
    clock = Clock(urgent_until=1.0)
    clock.urgent.begin_urgent()
    assert 1.0 <= clock.waited() <= 1.0 + 2 * URGENT_SECONDS


def test_writes_wait_no_longer_than_the_limit_and_then_not_for_the_interval() -> None:
    clock = Clock(urgent_until=1000.0)
    clock.urgent.begin_urgent()
    assert LONGEST_YIELD <= clock.waited() <= LONGEST_YIELD + URGENT_SECONDS
    assert clock.waited() == 0
    clock.now += YIELD_INTERVAL
    clock.urgent.begin_urgent()
    assert clock.waited() >= LONGEST_YIELD


def test_two_threads_share_one_wait() -> None:
    clock = Clock(urgent_until=1000.0)
    clock.urgent.begin_urgent()
    clock.waited()
    clock.now -= LONGEST_YIELD / 2  # Another thread came in the middle of it.
    clock.urgent.begin_urgent()
    assert clock.waited() <= LONGEST_YIELD / 2 + URGENT_SECONDS


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(write_priority.tempfile, "tempdir", str(tmp_path))
    host_urgent_writes.cache_clear()
    yield tmp_path
    # The tests that follow share the host's own again.
    host_urgent_writes.cache_clear()


def test_processes_of_a_host_coordinate(folder: Path) -> None:
    urgent = host_urgent_writes()
    assert not urgent._is_urgent(urgent._now())
    other = multiprocessing.get_context("fork").Process(
        target=lambda: (host_urgent_writes.cache_clear(), host_urgent_writes().begin_urgent())
    )
    other.start()
    other.join()
    assert other.exitcode == 0
    urgent.yield_to_urgent()
    assert urgent._yield_ends > 0


def test_events_that_end_a_ranking_time_announce_it(folder: Path) -> None:
    urgent = host_urgent_writes()
    announce = AnnounceDeadline(period=20, watermark_lag=2)

    another = copy.deepcopy(announce)  # Of the same job: a runner makes many.
    turns = itertools.cycle((announce, another))

    def announces(*times: int) -> bool:
        urgent._announced[:] = bytes(8)
        none = np.ones(len(times), np.int64)
        events = EventBatch(none, none, none.astype(np.int8), np.array(times, np.int64))
        assert list(next(turns).process(events)) == [events]
        return urgent._is_urgent(urgent._now())

    assert announces(1001)
    assert not announces(990, 1001)
    assert announces(985, 1002)
    assert not announces(1021)
    assert not announces()
    assert announces(1022)


def test_a_link_in_its_place_is_not_followed(folder: Path) -> None:
    precious = folder / "precious"
    precious.write_text("not to be cut to eight bytes")
    (folder / f"rivulet-urgent-writes-{os.getuid()}").symlink_to(precious)
    host_urgent_writes().begin_urgent()
    assert precious.read_text() == "not to be cut to eight bytes"


def test_an_announcement_of_an_earlier_boot_is_ignored() -> None:
    clock = Clock()
    clock.now += 1000
    clock.urgent.begin_urgent()
    clock.now -= 900
    assert clock.waited() == 0
