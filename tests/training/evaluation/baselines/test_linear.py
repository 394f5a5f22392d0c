"""EASE and iALS beside their formulas, written out in NumPy."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.small import EVENTS, Event, block_of, sequences_of
from training.datasets.sequences import TEST, TRAIN, VALID, Sequences
from training.evaluation.baselines import ease, ials
from training.evaluation.baselines.tuning import choose, validation_of
from training.evaluation.queries import EvaluationQueries
from transforms.messages.ranked_lists import RankedLists


def ones(sequences: Sequences) -> np.ndarray:
    found = np.zeros((len(sequences.users), len(sequences.items)))
    kept = sequences.split != TEST
    found[sequences.user[kept], sequences.item[kept]] = 1
    return found


def ranking(scores: np.ndarray, ids: np.ndarray) -> list[int]:
    return [int(ids[row]) for row in np.argsort(-scores, kind="stable")]


def listed(found: RankedLists) -> list[int]:
    return found.items[0, : found.length[0]].tolist()


def in_order_of(scores: dict[int, float], found: list[int]) -> None:
    """The list has all items, by falling scores; what is nearly equal may be in any order."""
    assert sorted(found) == sorted(scores)
    values = [scores[item] for item in found]
    assert all(a > b - 1e-4 for a, b in itertools.pairwise(values))


@settings(deadline=None, max_examples=40)
@given(
    EVENTS,
    st.lists(st.integers(-2, 7), min_size=1, max_size=6),
    st.sampled_from([1.0, 0.8]),
    st.integers(0, 6),
)
def test_ease_is_its_formula(
    events: list[Event], history: list[int], decay: float, copies: int
) -> None:
    # With more users than items the matrix of the items is inverted, else that of the users.
    events += [(user + 10 * copy, *rest) for copy in range(1, copies + 1) for user, *rest in events]
    sequences = sequences_of(events)
    if not (sequences.split != TEST).any():
        return
    held = ones(sequences)
    inverse = np.linalg.inv(held.T @ held + 3.0 * np.eye(held.shape[1]))
    model = -inverse / np.diag(inverse)
    np.fill_diagonal(model, 0)
    x = np.zeros(held.shape[1])
    ids = sequences.items.ids.tolist()
    for age, item in enumerate(reversed(history)):
        if item in ids:
            x[ids.index(item)] = max(x[ids.index(item)], decay**age)
    found = ease.fit(sequences, 3.0, decay)
    # Users without events before their splits have no basket.
    assert found.of_users == (found.baskets.shape[0] < len(ids))
    scores = dict(zip(ids, (x @ model).tolist(), strict=True))
    in_order_of(scores, listed(found.rank(block_of(history), 99, True)))


def test_data_that_are_too_large_for_ease_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    sequences = sequences_of([(user, item, item) for user in range(5) for item in range(9)])
    assert ease.too_large(sequences) == ""
    monkeypatch.setattr(ease, "MOST", 4)
    with pytest.raises(ValueError, match=r"a matrix of 5 rows, .* at most 4 fit"):
        ease.fit(sequences, 1.0, 1.0)


def loss(
    users: np.ndarray, items: np.ndarray, held: np.ndarray, options: ials.IalsOptions
) -> float:
    scores = users @ items.T
    alpha, n, m = options.alpha, *held.shape
    observed = (held * (1 - scores) ** 2).sum() + alpha * (scores**2).sum()
    of_users = ((held.sum(axis=1) + alpha * m) * (users**2).sum(axis=1)).sum()
    of_items = ((held.sum(axis=0) + alpha * n) * (items**2).sum(axis=1)).sum()
    return float(observed + options.regularization * (of_users + of_items))


def test_a_solved_vector_minimises_the_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ials, "_CELLS", 20)
    random = np.random.default_rng(0)
    held = (random.random((12, 9)) < 0.3).astype(float)
    held[3] = 0
    options = ials.IalsOptions(0.2, 0.05, dim=4)
    items = np.append(random.normal(size=(9, 4)), np.zeros((1, 4)), axis=0)
    row, other = np.nonzero(held)
    users = ials._solve_all(torch.from_numpy(items).float(), row, other, 12, options).numpy()
    assert not users[3].any()
    best = loss(users[:-1], items[:-1], held, options)
    for _ in range(50):
        near = users[:-1] + 0.01 * random.normal(size=(12, 4)) * (held.sum(axis=1) > 0)[:, None]
        assert loss(near, items[:-1], held, options) > best - 1e-4


def test_ials_finds_groups_of_items() -> None:
    groups = [(user, 10 * (user % 2) + item, item) for user in range(20) for item in range(10)]
    # Each user lacks some items of the own group; the last events are for the test.
    events = [each for each in groups if (each[0] + each[1]) % 5]
    found = ials.fit(sequences_of(events), ials.IalsOptions(0.1, 0.01, dim=4))
    assert {item // 10 for item in listed(found.rank(block_of([11, 12, 11]), 5, False))} == {1}
    assert {item // 10 for item in listed(found.rank(block_of([3]), 5, False))} == {0}


@given(EVENTS)
def test_the_validation_split_is_what_comes_after_training(events: list[Event]) -> None:
    sequences = sequences_of(events)
    found = validation_of(sequences)
    assert len(found) == (sequences.split != TEST).sum()
    for split, was in ((TRAIN, TRAIN), (TEST, VALID)):
        mine, theirs = found.split == split, sequences.split == was
        assert found.raw_item[mine].tolist() == sequences.raw_item[theirs].tolist()
    queries = EvaluationQueries.of(found, 99)
    for row in range(len(queries)):
        own = np.flatnonzero(found.user == found.user[queries.at[row]])
        assert found.start[queries.at[row]] == own[0]
        assert queries.end[row] == own[-1] + 1


def test_validation_chooses() -> None:
    events = [(user, (user + at) % 12, at) for user in range(30) for at in range(24)]
    validation = validation_of(sequences_of(events))

    class Fixed:
        def __init__(self, choice: Callable[[int], int]) -> None:
            self.choice = choice

        def rank(self, block, k: int, repeat_consumed: bool) -> RankedLists:
            last = block.histories[np.arange(len(block.lengths)), block.lengths - 1]
            return RankedLists.deterministic(self.choice(last)[:, None], np.ones(len(last), int))

    queries = EvaluationQueries.of(validation, 99)
    assert not len(queries.targets("later", "new")[0])
    wrong, right = Fixed(lambda last: (last + 5) % 12), Fixed(lambda last: (last + 1) % 12)
    # Nothing new is left to predict in a circle: the first one is chosen.
    assert choose([("a", wrong), ("b", right)], validation) == "a"
    short = [(user, user + at, at) for user in range(30) for at in range(24)]
    scores: list[float] = []
    candidates = [("a", wrong), ("b", Fixed(lambda last: last + 1)), ("c", wrong)]
    assert choose(candidates, validation_of(sequences_of(short)), scores.append) == "b"
    assert scores[1] > max(scores[0], scores[2])
