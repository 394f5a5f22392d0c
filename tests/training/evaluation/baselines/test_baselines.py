"""Baselines against plain loops and against what must come out of small worlds."""

import math
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.small import EVENTS, Event, block_of, sequences_of, split
from training.datasets.sequences import TRAIN
from training.evaluation.baselines.neighbours import ItemNeighbours, SessionNeighbours
from training.evaluation.baselines.scores import best_of
from training.evaluation.baselines.sequence_model import SequenceModel, SequentialOptions
from training.evaluation.baselines.sequential import chunks, train_sequential
from training.evaluation.baselines.simple import OwnRecent, Popular
from transforms.messages.ranked_lists import RankedLists

CPU = torch.device("cpu")


def lists_of(ranked: RankedLists) -> list[list[int]]:
    pairs = zip(ranked.items.tolist(), ranked.length.tolist(), strict=True)
    return [items[:count] for items, count in pairs]


def seen(events: list[Event]) -> list[Event]:
    """All events before their users' splits, by time."""
    return sorted(
        (e for before, _ in split(events).values() for e in before),
        key=lambda e: (e[2], e[0], e[1]),
    )


@given(EVENTS, st.integers(1, 12), st.booleans(), st.one_of(st.none(), st.integers(1, 20)))
def test_popular(events: list[Event], k: int, repeats: bool, recent: int | None) -> None:
    before = seen(events)
    if not before:
        return
    history = [e[1] for e in events[:4]]
    now = before[len(before) // 2][2]
    got = lists_of(
        Popular(sequences_of(events), recent).rank(block_of(history, time=now), k, repeats)
    )
    counted = before if recent is None else [e for e in before if e[2] <= now][-recent:]
    counts = Counter(e[1] for e in counted)
    catalogue = sorted({e[1] for e in before} - (set() if repeats else set(history)))
    assert got == [sorted(catalogue, key=lambda item: (-counts[item], item))[:k]]


@given(EVENTS, st.lists(st.integers(-2, 7), min_size=1, max_size=9))
def test_own_recent(events: list[Event], history: list[int]) -> None:
    sequences = sequences_of(events)
    if not seen(events):
        return
    popular = Popular(sequences)
    ranker = OwnRecent(sequences, popular)
    known = sequences.items.ids.tolist()
    own = [item for item in dict.fromkeys(reversed(history)) if item in known]
    (filler,) = lists_of(popular.rank(block_of(history), 99, True))
    expected = own + [item for item in filler if item not in own]
    assert lists_of(ranker.rank(block_of(history), 99, True)) == [expected]
    new = lists_of(ranker.rank(block_of(history), 99, False))
    assert new == lists_of(popular.rank(block_of(history), 99, False))


def cosine_scores(events: list[Event], history: list[int], last: int) -> dict[int, float]:
    owners: dict[int, set[int]] = {}
    for user, item, _ in seen(events):
        owners.setdefault(item, set()).add(user)
    weights: dict[int, float] = {}
    for age, item in enumerate(reversed(history[-last:])):
        weights[item] = max(weights.get(item, 0.0), 1 - age / last)
    return {
        item: sum(
            weight * len(users & owners[other]) / math.sqrt(len(users) * len(owners[other]))
            for other, weight in weights.items()
            if other in owners
        )
        for item, users in owners.items()
    }


@settings(deadline=None)
@given(EVENTS, st.lists(st.integers(-2, 7), min_size=1, max_size=9))
def test_item_neighbours_are_by_cosine(events: list[Event], history: list[int]) -> None:
    if not seen(events):
        return
    expected = cosine_scores(events, history, 5)
    ranker = ItemNeighbours(sequences_of(events), last=5)
    (got,) = lists_of(ranker.rank(block_of(history), 99, True))
    assert sorted(got) == sorted(expected)
    assert [expected[item] for item in got] == pytest.approx(
        sorted(expected.values(), reverse=True), abs=1e-5
    )


def test_session_neighbours_ask_the_sessions_that_have_the_last_items() -> None:
    # Users 1 to 3 had 1, 2, 3; users 4 and 5 had 4, 5, 6; their last event is not looked at.
    sessions = {user: [1, 2, 3] if user < 4 else [4, 5, 6] for user in range(1, 6)}
    events = [
        (user, item, at) for user, items in sessions.items() for at, item in enumerate([*items, 9])
    ]
    ranker = SessionNeighbours(sequences_of(events), neighbours=2)
    got = lists_of(ranker.rank(block_of([5, 1], [1, 5, 4]), 2, False))
    assert set(got[0]) == {2, 3}
    assert got[1][0] == 6


def test_equal_scores_go_to_the_smaller_item() -> None:
    ids = sequences_of([(1, item, 0) for item in range(10)] + [(1, 99, 1)]).items
    scores = torch.zeros(1, len(ids))
    scores[0, 5] = 1.0
    got = best_of(scores, ids, np.array([[0, 3]]), 4, False)
    assert lists_of(got) == [[5, 1, 2, 4]]


@given(EVENTS, st.integers(1, 4))
def test_every_training_event_but_a_users_first_is_a_target_once(
    events: list[Event], window: int
) -> None:
    sequences = sequences_of(events)
    unknown = sequences.items.unknown
    rows = chunks(sequences, window)
    assert rows.shape[1] == window + 1
    targets = Counter(item for row in rows.tolist() for item in row[1:] if item != unknown)
    follows = (sequences.split == TRAIN) & (sequences.start < np.arange(len(sequences)))
    assert targets == Counter(sequences.item[follows].tolist())


@pytest.mark.parametrize("kind", ["sasrec", "gru4rec"])
@pytest.mark.parametrize("full_softmax", [0, 100])
def test_sequence_models_learn_a_circle(kind: str, full_softmax: int) -> None:
    events = [(user, (user + at) % 12, at) for user in range(30) for at in range(24)]
    shape = SequentialOptions(
        dim=16,
        window=6,
        dropout=0.0,
        rate=1e-2,
        batch=8,
        epochs=8,
        full_softmax=full_softmax,
        samples=8,
    )
    scores: list[float] = []
    ranker = train_sequential(kind, sequences_of(events), 0, CPU, shape, scores.append)
    got = lists_of(ranker.rank(block_of([1, 2, 3, 4, 5, 6, 7], [9, 10]), 1, True))
    assert got == [[8], [11]]
    assert max(scores) > 0.9


@pytest.mark.parametrize("kind", ["sasrec", "gru4rec"])
def test_no_place_looks_ahead(kind: str) -> None:
    model = SequenceModel(kind, 9, SequentialOptions(dim=8, window=5)).eval()
    rows = torch.tensor([[1, 2, 3, 4, 5]])
    changed = torch.tensor([[1, 2, 3, 8, 7]])
    one, other = model.read(rows), model.read(changed)
    assert torch.allclose(one[:, :3], other[:, :3])
    assert not torch.allclose(one[:, 3:], other[:, 3:])
    alone = model(rows[:, :3], torch.tensor([3]), torch.tensor([0]))
    assert torch.allclose(alone, one[:, 2])
