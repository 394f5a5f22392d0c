"""A table in state against a dictionary, with restores, other workers and tiny cells."""

import random
from copy import copy
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.shard import Bag, Value
from transforms.histories.bought import BoughtTable
from transforms.histories.table import HistoryTable
from transforms.histories.users import layout_of
from transforms.messages.events import Int64s
from transforms.tables.cache import TableCache
from transforms.tables.layout import Rows
from transforms.tables.place import TableLimits, TablePlace
from transforms.tables.states import TableStates
from transforms.tables.stored_table import StoredTable

SIZE = 2
LAYOUT = layout_of(SIZE)
STATES = TableStates("users", cells=8)
KEY = 5
USERS = (-(2**63), -1, 0, 1, 2, 70_000, 2**40, 2**63 - 1, *range(3, 12))

Oracle = dict[int, tuple[int, list[int]]]
"""By user: the last event's time, and what was bought."""


def empty_states(shuffle: random.Random | None = None) -> dict[str, Any]:
    return {
        name: Bag(shuffle) if "_log_" in name else Value(spec.coder)
        for name, spec in STATES.specs().items()
    }


def table(states: dict[str, Any], limits: TableLimits, cache: TableCache) -> StoredTable:
    return StoredTable(TablePlace(LAYOUT, STATES, states, KEY, limits), cache)


def rows(changes: dict[int, bool], time: int) -> Rows:
    """A new history for each user, and for some a purchase."""
    user = np.array(sorted(changes), np.int64)
    times = np.full(len(user), time)
    items = np.stack((times, user), axis=1)
    bought = user[np.array([changes[one] for one in user.tolist()])]
    return (
        HistoryTable(user, items, np.full(len(user), SIZE), times),
        BoughtTable(bought, np.full(len(bought), time), np.full(len(bought), time)),
    )


def everything(rows: Rows) -> Rows:
    return rows


def found(rows: Rows) -> Oracle:
    histories, bought = rows
    last = zip(histories.user.tolist(), histories.last.tolist(), strict=True)
    assert (histories.items[:, 0] == histories.last).all()
    assert (histories.items[:, 1] == histories.user).all()
    return {user: (time, bought.item[bought.user == user].tolist()) for user, time in last}


STEPS = st.lists(
    st.one_of(
        st.dictionaries(st.sampled_from(USERS), st.booleans(), min_size=1, max_size=9),
        st.sampled_from(["crash", "other worker"]),
    ),
    max_size=30,
)
LIMITS = st.builds(
    TableLimits,
    st.sampled_from([1, 60, 150]),
    st.sampled_from([0.25, 1.0]),
    st.integers(0, 6),
    st.sampled_from([0, 100, 1000]),
)


@settings(max_examples=100, deadline=None)
@given(STEPS, LIMITS, st.sets(st.sampled_from(USERS)), st.randoms(use_true_random=False))
def test_a_table_is_what_was_added(
    steps: list[Any], limits: TableLimits, asked: set[int], shuffle: random.Random
) -> None:
    states, cache = empty_states(shuffle), TableCache()
    # The same without a cache, and without what was lost.
    plain = empty_states()
    oracle: Oracle = {}
    for time, step in enumerate(steps):
        if step == "other worker":
            cache = TableCache()
        elif step == "crash":
            lost = {name: copy(state) for name, state in states.items()}
            table(lost, limits, cache).add(rows(dict.fromkeys(USERS[:3], True), time), everything)
        else:
            table(states, limits, cache).add(rows(step, time), everything)
            table(plain, limits, TableCache()).add(rows(step, time), everything)
            for user, buys in step.items():
                oracle[user] = time, [*oracle.get(user, (0, []))[1], *[time] * buys]
        users: Int64s = np.array(sorted(asked), np.int64)
        wanted = {user: oracle[user] for user in asked & oracle.keys()}
        assert found(table(states, limits, cache).rows_of(users)) == wanted
    assert found(table(states, limits, cache).rows()) == oracle
    for name, state in states.items():
        if isinstance(state, Bag):
            assert sorted(state) == sorted(plain[name]), name
        elif "_base_" in name:
            assert state.read() == plain[name].read(), name
        elif steps and oracle:
            assert state.read().digest == plain[name].read().digest


def bytes_in(state: Any) -> list[bytes]:
    values = list(state) if isinstance(state, Bag) else [state.read()]
    return [value for value in values if isinstance(value, bytes)]


def test_a_change_costs_what_changes_and_no_value_is_large() -> None:
    """A table of 20,000 users in cells of 60 kB; 500 of them change at a time."""
    limits, cache, states = TableLimits(60_000, 0.25, 64, 0), TableCache(), empty_states()
    pick = np.random.default_rng(1)
    known = np.unique(pick.integers(0, 1 << 40, 20_000))
    table(states, limits, cache).add(rows(dict.fromkeys(known.tolist(), False), 1), everything)
    assert sum(bool(bytes_in(state)) for name, state in states.items() if "_base_" in name) == 8
    written = changed = 0
    for time in range(2, 42):
        before = {name: bytes_in(state) for name, state in states.items()}
        some = rows(dict.fromkeys(pick.choice(known, 500, replace=False).tolist(), False), time)
        table(states, limits, cache).add(some, everything)
        changed += len(LAYOUT.encode(some))
        for name, state in states.items():
            values = bytes_in(state)
            written += sum(len(value) for value in values if value not in before[name])
            assert sum(map(len, values)) < 90_000
    assert written < 8 * changed
    assert written > 2 * changed  # Cells were merged.
    assert len(table(states, limits, cache).rows()[0]) == len(known)


def test_rows_that_are_not_kept_leave_with_a_merge() -> None:
    limits, states = TableLimits(1 << 20, 0.25, 0), empty_states()

    def newer(rows: Rows) -> Rows:
        return rows[0].take(rows[0].last >= 2), rows[1].take(rows[1].time >= 2)

    for time in (1, 2):
        step = rows({time: True}, time)
        table(states, limits, TableCache()).add(step, newer)
    assert found(table(states, limits, TableCache()).rows()) == {2: (2, [2])}


def test_a_cache_holds_no_more_than_it_may() -> None:
    cache, states = TableCache(most_bytes=3000), empty_states()
    one = table(states, TableLimits(), cache)
    one.add(rows(dict.fromkeys(USERS, True), 1), everything)
    own = "users", states["users_index"].read().digest
    kept = cache.get(own)
    assert kept is not None
    for number in range(20):
        cache.put((number,), kept)
    assert cache.get(own) is None
    assert cache.get((19,)) is kept
