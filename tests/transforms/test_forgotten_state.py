"""What a shard's state holds of a user who was forgotten: nothing, neither ids nor texts."""

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.oracle.events import Event
from tests.transforms.batches import batch, ranking, rows_of
from tests.transforms.forgotten import FakeForgotten
from tests.transforms.renamed import with_texts
from tests.transforms.shard import Bag, Shard
from transforms.columns.codec import read_columns
from transforms.columns.names import key_of
from transforms.feedback.rules import RewardRules
from transforms.histories.event_time_buffer import BufferedFrame
from transforms.histories.rules import HistoryRules
from transforms.histories.schedule import Schedule
from transforms.messages.events import EventBatch
from transforms.tables.place import TableLimits
from transforms.tables.writer import ENTRY_BYTES

PERIOD, WINDOW = 20, 60
USERS = range(100, 160)
GONE = 137
TEXTS = {user: f"reader-{user}@example.org" for user in USERS}
ITEMS = {GONE: (9_007, 9_008)}
"""Items that nobody else has touched."""


def a_shard(forgotten: FakeForgotten, limits: TableLimits, *, impressions: bool = False) -> Shard:
    rules = HistoryRules(
        Schedule(60, PERIOD), PERIOD, 4, 1, 0, 6, RewardRules(WINDOW, every_minute=True), 10_000
    )
    return Shard(
        rules, 3, random.Random(7), repeat_consumed=True, impressions=impressions, limits=limits,
        forgotten=forgotten,
    )  # fmt: skip


def encoded(shard: Shard) -> Iterator[tuple[str, bytes]]:
    """All that the shard's steps keep, as bytes."""
    for states in (shard.histories_state, shard.feedback_state, shard.credit_state):
        for name, state in states.items():
            if isinstance(state, Bag):
                head = ENTRY_BYTES if "_log_" in name else BufferedFrame.HEADER.size
                head = 17 if name in ("units", "impressions") else head
                yield from ((name, value[head:]) for value in state.read())
            elif (value := state.read()) is not None and not isinstance(value, bool):
                yield name, value if isinstance(value, bytes) else state.encoded()


def places_of(shard: Shard, ids: set[int], text: str = "") -> set[str]:
    """The names of the states that hold an id or a text."""
    found = set()
    for name, value in encoded(shard):
        numbers = [column.ravel() for column in read_columns(value) if column.dtype.kind in "iu"]
        holds = bool(ids & set(np.concatenate(numbers or [np.zeros(0, np.int64)]).tolist()))
        if holds or (text and text.encode() in value):
            found.add(name.rstrip("0123456789"))
    return found


def events_at(time: int, users: Any = USERS, behavior: str = "buy") -> list[Event]:
    return [Event(time, ITEMS.get(user, (user % 7, 5))[0], user, behavior) for user in users]


def block(events: list[Event], *, text: bool) -> EventBatch:
    rows = batch(events)
    return (with_texts(rows, TEXTS, None) if text else rows).ordered()


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("limits", [TableLimits(), TableLimits(400, 0.5, 8)])
def test_the_state_has_nothing_of_a_user_who_was_forgotten(limits: TableLimits, text: bool) -> None:
    key = key_of(TEXTS[GONE]) if text else GONE
    ids, own = {key, *ITEMS[GONE]}, TEXTS[GONE] if text else ""
    forgotten = FakeForgotten()
    shard = a_shard(forgotten, limits)
    for time in range(0, 200, PERIOD):
        users = USERS if time % 40 else USERS[:50]
        shard.send(block(events_at(time + 3, users), text=text))
        shard.advance(time + PERIOD)
    held = places_of(shard, ids, own)
    assert {"users_base_", "recent_state", "feedback_state"} <= held
    forgotten.add(key, 207)
    shard.send(block(events_at(203, [GONE, 101, 102]), text=text))
    shard.advance(240)
    assert places_of(shard, ids, own) == set()
    # The others are as they were.
    others = {key_of(TEXTS[101])} if text else {101}
    assert {"users_base_", "recent_state", "feedback_state"} <= places_of(shard, others)
    assert {time for user, time, *_ in rows_of(f.rows() for f in shard.recommendations)
            if user == key} == {*range(20, 201, 20)}  # fmt: skip
    # A new user: the list before is not known, and the history has one item.
    shard.send(block(events_at(243, [GONE]), text=text))
    shard.advance(260)
    (last,) = [frame for frame in shard.recommendations if 260 in frame.time]
    (row,) = np.flatnonzero(last.user == key)
    assert last.last_reward[row] == -1
    assert last.history_length[last.list_index[row]] == 1


def test_impressions_of_a_user_who_was_forgotten_leave_too() -> None:
    forgotten = FakeForgotten()
    shard = a_shard(forgotten, TableLimits(), impressions=True)
    for time in range(0, 200, PERIOD):
        shard.send(block(events_at(time + 3), text=False))
        shard.advance(time + PERIOD)
        shard.send_impressions(block([Event(time + 5, time, GONE, "pv")], text=False))
        shard.advance_impressions(time + PERIOD)
    assert {"shown_state", "feedback_state"} <= places_of(shard, {GONE})
    forgotten.add(GONE, 199)
    shard.send(block(events_at(203, [101]), text=False))
    shard.advance(220)
    shard.advance_impressions(220)
    assert places_of(shard, {GONE, *ITEMS[GONE]}) == set()


@pytest.mark.parametrize("again", [False, True])
def test_a_tombstone_that_comes_late_takes_all_that_is_kept(again: bool) -> None:
    """What is kept of the user is of before and after; it cannot be told apart."""
    forgotten = FakeForgotten()
    shard = a_shard(forgotten, TableLimits())
    for time in range(0, 200, PERIOD):
        shard.send(block(events_at(time + 3), text=False))
        shard.advance(time + PERIOD)
    forgotten.add(GONE, 50)
    shard.send(block(events_at(203, [101]), text=False))
    shard.advance(220)
    assert places_of(shard, {GONE, *ITEMS[GONE]}) == set()
    # The same tombstone takes nothing of the time after, even for another worker.
    if again:
        forgotten.add(101, 51)
    shard.send(block(events_at(223, [GONE]), text=False))
    shard.advance(240)
    shard.send(block(events_at(243, [102]), text=False))
    shard.advance(260)
    assert "recent_state" in places_of(shard, {GONE})
    last = [frame for frame in shard.recommendations if 260 in frame.time][-1]
    assert GONE in last.user[last.time == 260]
    assert (101 in last.user[last.time == 260]) != again


def test_a_shard_without_events_forgets_with_the_next_ranking() -> None:
    forgotten = FakeForgotten([(GONE, 190)])
    shard = a_shard(forgotten, TableLimits())
    shard.send(block(events_at(103), text=False))
    shard.advance(170)
    assert {"users_base_", "users_log_"} & places_of(shard, {GONE})
    shard.send(ranking(240, [(4, 2)]))
    shard.advance(240)
    assert places_of(shard, {GONE, *ITEMS[GONE]}) == set()
