"""The best new items against the rule, in plain Python."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.models.ids import IdMap
from inference.policy import Policy
from inference.search import new_items as searches
from inference.search.new_items import NewItemSearch
from tests.inference.tiny import tiny_policy
from transforms.messages.availability import Availability
from transforms.messages.exclusions import Exclusions
from transforms.messages.new_items import NewItems

KNOWN = np.array([7, 3, 11, 5, 2])
IDS = np.arange(20)


def catalogue(category: np.ndarray, new: list[int]) -> Availability:
    items = np.array(new, np.int64)
    return Availability(IDS, np.ones(20, bool), NewItems(items, category[items], category))


def wanted(
    vectors: np.ndarray, query: list[int], category: list[int], new: list[int], taken: set[int]
) -> list[int]:
    """The new items of a row, all of them."""
    scores = {}
    for place, item in enumerate(new):
        alike = [
            vectors[row].tolist()
            for row, known in enumerate(KNOWN.tolist())
            if category[known] == category[item] != 0
        ]
        if item in KNOWN or item in taken or not alike:
            continue
        mean = [round(sum(column) / len(alike)) for column in zip(*alike, strict=True)]
        scores[item] = -sum(a * b for a, b in zip(query, mean, strict=True)), place
    return sorted(scores, key=scores.__getitem__)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_the_best_are_those_of_the_rule(data: st.DataObject) -> None:
    numbers = st.integers(-9, 9)
    vectors = np.array(data.draw(st.lists(st.tuples(numbers, numbers), min_size=5, max_size=5)))
    queries = np.array(data.draw(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=4)))
    category = np.array(data.draw(st.lists(st.integers(0, 3), min_size=20, max_size=20)))
    new = data.draw(st.lists(st.sampled_from(IDS.tolist()), unique=True))
    new = [item for item in new if category[item]]
    excluded = np.array(
        [data.draw(st.lists(st.integers(0, 19), min_size=3, max_size=3)) for _ in queries]
    )
    length = np.array(data.draw(st.lists(st.integers(0, 3), min_size=4, max_size=4)))
    length = length[: len(queries)]
    p = data.draw(st.integers(1, 4))
    search = NewItemSearch(vectors.astype(np.float32), IdMap(KNOWN))
    given_queries = queries.astype(np.float32)
    found = search.best(given_queries, catalogue(category, new), p, [(excluded, length)])
    for row, query in enumerate(queries.tolist()):
        taken = set(excluded[row, : length[row]].tolist())
        best = wanted(vectors, query, category.tolist(), new, taken)[:p]
        assert found.items[row, : found.length[row]].tolist() == best


def test_a_changed_category_changes_the_vectors() -> None:
    vectors = np.array([[1, 0], [0, 1], [5, 5], [5, 5], [5, 5]], np.float32)
    search = NewItemSearch(vectors, IdMap(KNOWN))
    category = np.zeros(20, np.int64)
    category[[7, 15]], category[[3, 16]] = 1, 2
    query = np.array([[2, 1]], np.float32)
    assert search.best(query, catalogue(category, [15, 16]), 1, []).items.tolist() == [[15]]
    category = category.copy()
    category[[7, 3]] = 2, 1
    assert search.best(query, catalogue(category, [15, 16]), 1, []).items.tolist() == [[16]]


def rank(policy: Policy, available: tuple[Availability, ...], group: list[int]) -> list[list[int]]:
    rows = len(group)
    histories = np.tile(policy.item_ids.ids[:4], (rows, 1))
    histories[0, 3] = 100_001
    exclusions = replace(
        Exclusions.none(rows),
        available=available,
        group=np.array(group) if len(available) > 1 else None,
    )
    users, lengths = np.full(rows, 100), np.full(rows, 4)
    found = policy.rank(users, histories, lengths, 8, exclusions=exclusions, new=2)
    plain = policy.rank(users, histories, lengths, 8, exclusions=exclusions)
    assert found.items.tolist() == plain.items.tolist()
    assert found.new is not None
    return [found.new.items[row, : found.new.length[row]].tolist() for row in range(rows)]


@pytest.mark.parametrize("cells", [1, 1 << 20])
def test_a_policy_gives_the_new_items_of_each_rows_time(
    cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searches, "_CELLS", cells)
    policy = tiny_policy()
    fresh = np.array([100_003, 100_002, 100_001])
    ids = np.append(np.sort(policy.item_ids.ids), np.sort(fresh))
    category = np.ones(len(ids), np.int64)

    def at(new: np.ndarray) -> Availability:
        return Availability(
            ids, np.ones(len(ids), bool), NewItems(new, np.ones(len(new), np.int64), category)
        )

    # The first row has the item 100,001 in its history.
    assert rank(policy, (at(fresh[1:]),), [0, 0]) == [[100_002], [100_002, 100_001]]
    assert rank(policy, (at(fresh), at(fresh[2:])), [0, 1]) == [[100_003, 100_002], [100_001]]
