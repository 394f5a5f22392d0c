"""Memory of the steps for one user with very many events."""

import tracemalloc
from collections.abc import Callable

import numpy as np

from transforms.feedback.open_table import OpenTable
from transforms.histories.schedule import Schedule
from transforms.histories.table import HistoryTable
from transforms.histories.update import HistoryUpdate
from transforms.messages.events import EventBatch
from transforms.windows.popular_chunks import _CountInChunks, _RankChunk

DAY = 86_400
ROWS = 200_000
MIB = 1 << 20


def events_of_one_user() -> EventBatch:
    rng = np.random.default_rng(0)
    time = np.sort(rng.integers(0, DAY, ROWS))
    behavior = rng.integers(0, 4, ROWS).astype(np.int8)
    return EventBatch(np.full(ROWS, 7), rng.integers(0, 50_000, ROWS), behavior, time).ordered()


def peak_mib(work: Callable[[], object]) -> float:
    tracemalloc.start()
    work()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / MIB


def test_rewards_of_a_user_with_very_many_events() -> None:
    events = events_of_one_user()
    time = np.arange(20, DAY, 20)
    rows, items = len(time), np.random.default_rng(1).integers(0, 50_000, (len(time), 8))
    table = OpenTable(
        np.full(rows, 7), time, items, np.full(rows, 8), np.zeros(rows, np.int64),
        np.zeros((rows, 8), np.int8), np.zeros((rows, 8), bool), np.zeros(rows, bool),
        np.ones((rows, 8), np.float32), np.zeros((rows, 10), np.int64), np.full(rows, 10),
        np.zeros((rows, 0), np.float32),
    )  # fmt: skip
    # Each event is in the reward windows of 30 recommendations: 6 million pairs.
    assert peak_mib(lambda: table.apply(events, 600)) < 40


def test_histories_of_a_user_with_very_many_events() -> None:
    events = events_of_one_user()

    def update() -> None:
        applied = HistoryUpdate(HistoryTable.empty(10), events, Schedule(60, 20), -1)
        applied.due(DAY)
        applied.changed()

    assert peak_mib(update) < 40


def test_rankings_of_a_day_of_very_many_items() -> None:
    events = events_of_one_user()

    def rank() -> None:
        count, step = _CountInChunks(3600, 80, 0), _RankChunk(3600, 80, 17, 0, None)
        chunks: dict[int, list[bytes]] = {}
        for number, encoded in count.process((0, events)):
            chunks.setdefault(number, []).append(encoded)
        for chunk in chunks.items():
            list(step.process(chunk))

    # The counts of all 1,080 windows at once are 120 MiB.
    assert peak_mib(rank) < 40
