"""Small data sets for the tests of evaluation, and plain loops that know the right answers."""

from collections.abc import Iterable

import numpy as np
from hypothesis import strategies as st

from training.datasets.sequences import Sequences, make_sequences
from training.evaluation.queries import Block

Event = tuple[int, int, int]
"""user, item, time."""

EVENTS = st.lists(
    st.tuples(st.integers(1, 5), st.integers(-2, 7), st.integers(0, 30)),
    min_size=1,
    max_size=60,
    unique=True,
)


def sequences_of(events: Iterable[Event]) -> Sequences:
    user, item, time = (np.array(column, np.int64) for column in zip(*events, strict=True))
    return make_sequences(user, item, np.zeros(len(user), np.int8), time)


def split(events: Iterable[Event]) -> dict[int, tuple[list[Event], list[Event]]]:
    """Each user's events before and after the split, in their order."""
    users = sorted({user for user, _, _ in events})
    own = {u: sorted((e for e in events if e[0] == u), key=lambda e: (e[2], e[1])) for u in users}
    cut = {user: int(0.8 * len(rows) + 1e-9) for user, rows in own.items()}
    return {user: (rows[: cut[user]], rows[cut[user] :]) for user, rows in own.items()}


def block_of(*histories: list[int], time: int = 1_000) -> Block:
    """Users 1, 2 .. with these histories."""
    width = max(map(len, histories))
    rows = np.zeros((len(histories), width), np.int64)
    for row, items in enumerate(histories):
        rows[row, : len(items)] = items
    lengths = np.array([len(items) for items in histories])
    users = np.arange(1, len(histories) + 1)
    return Block(users, rows, lengths, np.full(len(histories), time))
