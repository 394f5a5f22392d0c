"""Similar items against a search by hand."""

import math

import hypothesis.strategies as st
import numpy as np
import torch
from hypothesis import given, settings

from inference.search.quantize import MAX_NORM
from inference.search.similar_items import SimilarItems

_VECTOR = st.lists(st.integers(-3, 3), min_size=3, max_size=3)


def rounded(vector: list[float]) -> list[int]:
    """The vector with norm MAX_NORM, in whole numbers."""
    norm = math.hypot(*vector)
    return [round(x * (MAX_NORM / norm)) if norm else 0 for x in vector]


def by_hand(table: list[list[float]], row: int, k: int) -> list[int]:
    """Rows by exact products of rounded vectors, ties by the smaller row; the last is unknown."""
    vectors = [rounded(vector) for vector in table]
    if row == len(table) - 1 or not any(vectors[row]):
        return []
    products = {
        other: sum(x * y for x, y in zip(vectors[row], vectors[other], strict=True))
        for other in range(len(table) - 1)
        if other != row
    }
    return sorted(products, key=lambda other: (-products[other], other))[:k]


@given(st.lists(_VECTOR, min_size=2, max_size=40), st.integers(1, 50))
@settings(max_examples=50, deadline=None)
def test_lists_are_those_of_a_search_by_hand(vectors: list[list[int]], k: int) -> None:
    table = [[float(x) for x in vector] for vector in vectors]
    rows = np.arange(len(table))
    found, scores = SimilarItems(torch.tensor(table)).best(rows, k)
    for row in rows.tolist():
        items = [item for item in found[row].tolist() if item != len(table) - 1]
        assert items == by_hand(table, row, k)
        for item, score in zip(items, scores[row].tolist(), strict=False):
            norms = math.hypot(*table[row]) * math.hypot(*table[item])
            dot = sum(x * y for x, y in zip(table[row], table[item], strict=True))
            assert abs(score - (dot / norms if norms else 0)) < 1e-3


def test_a_large_table_is_searched_exactly() -> None:
    table = np.random.default_rng(5).normal(size=(20_001, 6)).round(1)
    found, _ = SimilarItems(torch.tensor(table, dtype=torch.float32)).best(np.array([0, 777]), 9)
    vectors = table.astype(np.float32).tolist()
    assert [by_hand(vectors, row, 9) for row in (0, 777)] == found.tolist()
