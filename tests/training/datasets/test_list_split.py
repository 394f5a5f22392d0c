"""The split of lists against a loop over lists and events."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.training.small import EVENTS, Event, sequences_of
from training.datasets.list_split import EXPLAINED, split_lists
from training.datasets.lists import ShownLists
from training.datasets.sequences import TEST, TRAIN, VALID, Sequences

List = tuple[int, int, list[int]]
"""user, time, items."""


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Event], list[List], int]:
    """Events, lists and a reward window; most lists lie at an edge of an event's window."""
    events, window = draw(EVENTS), draw(st.integers(1, 12))
    edges = st.builds(
        lambda event, offset, other: (
            event[0],
            event[2] - offset,
            [event[1], other if other != event[1] else 9],
        ),
        st.sampled_from(events),
        st.sampled_from([-1, 0, 1, window - 1, window, window + 1]),
        st.integers(-2, 8),
    )
    anywhere = st.tuples(
        st.integers(0, 6),
        st.integers(0, 35),
        st.lists(st.integers(-2, 8), min_size=2, max_size=2, unique=True),
    )
    return events, draw(st.lists(edges | anywhere, min_size=1, max_size=12)), window


def lists_of(data: Sequences, rows: list[List]) -> ShownLists:
    users, times, items = (list(column) for column in zip(*rows, strict=True))
    raw = np.array(items, np.int64).reshape(-1, 2)
    found = data.items.rows(raw)
    known = found != data.items.unknown
    return ShownLists.of(
        histories=np.full((len(rows), 1), data.items.unknown),
        lengths=np.zeros(len(rows), np.int64),
        users=data.users.rows(np.array(users, np.int64)),
        items=found,
        rewards=np.where(known, np.float32(1), np.float32(0)),
        propensities=np.where(known, np.float32(1), np.float32(0)),
        times=np.array(times),
    )


@given(worlds())
def test_against_a_loop(world: tuple[list[Event], list[List], int]) -> None:
    events, rows, window = world
    data = sequences_of(events)
    lists = lists_of(data, rows)
    train, valid = split_lists(lists, data, window)
    of_event = list(
        zip(data.users.ids[data.user], data.raw_item, data.time, data.split, strict=True)
    )
    known = set(data.items.ids.tolist())
    in_window = [
        [
            {part for u, i, t, part in of_event if (u, i) == (user, item) and at <= t < at + window}
            for item in items
        ]
        for user, at, items in rows
    ]
    rewarded = [
        parts
        for (_, _, items), row in zip(rows, in_window, strict=True)
        for item, parts in zip(items, row, strict=True)
        if item in known
    ]
    own = rewarded and sum(map(bool, rewarded)) / len(rewarded) >= EXPLAINED
    expected: dict[int, list[tuple[int, int]]] = {TRAIN: [], VALID: []}
    for user, at, _ in rows:
        of_user = [(t, part) for u, _, t, part in of_event if u == user]
        begins = {
            part: min((t for t, p in of_user if p == part), default=1 << 60)
            for part in (VALID, TEST)
        }
        split = TEST if not of_user or at > begins[TEST] else TRAIN
        if split == TRAIN and at > begins[VALID]:
            split = VALID
        end = begins[TEST] if split == VALID else min(begins.values())
        if split != TEST and not (own and at + window > end):
            until = min(end, max(t for _, t, _ in rows))
            expected[split].append((at, max(until, at)))
    for found, split in ((train, TRAIN), (valid, VALID)):
        columns = found.times.tolist(), found.until.tolist()
        assert list(zip(*columns, strict=True)) == expected[split]


def test_huge_ids_and_times_do_not_overflow() -> None:
    far = 253_402_300_000
    events = [(1 << 62, -(1 << 62) + at, far + at) for at in range(10)]
    data = sequences_of(events)
    lists = lists_of(data, [(1 << 62, far, [-(1 << 62) + 1, -(1 << 62) + 7])])
    train, _ = split_lists(lists, data, 7)
    assert train.rewards.tolist() == [[1.0, 1.0]]
