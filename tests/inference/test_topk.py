"""The best items against sorting all of them, with ties, exclusions and large catalogues."""

import numpy as np
import pytest
import torch

from inference import topk
from inference.topk import best_items, items_on_grid, queries_on_grid


def by_sorting(queries, items, k, excluded):  # type: ignore[no-untyped-def]
    scores = queries.double().numpy() @ items.double().numpy().T
    m = len(items) - 1
    out = np.full((len(queries), k), m)
    for row, score in enumerate(scores):
        barred = set(excluded[row].tolist()) if excluded is not None else set()
        order = sorted((-score[i], i) for i in range(m) if i not in barred)[:k]
        out[row, : len(order)] = [i for _, i in order]
    return out


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("spread", [2, 500])
@pytest.mark.parametrize(("m", "k"), [(3, 5), (700, 1), (2000, 8), (2013, 17)])
def test_as_by_sorting(
    m: int, k: int, spread: int, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large:
        monkeypatch.setattr(topk, "_LARGE", 100)
        monkeypatch.setattr(topk, "_SCORES_PER_BLOCK", 1 << 13)
    rng = np.random.default_rng(m + k + spread)
    # A spread of 2 makes most scores equal to many others.
    items = torch.from_numpy(rng.integers(-spread, spread, (m + 1, 5))).float()
    queries = torch.from_numpy(rng.integers(-spread, spread, (40, 5))).float()
    excluded = torch.from_numpy(rng.integers(0, m + 1, (40, 6)))
    for barred in (None, excluded):
        best, counts = best_items(queries, items, k, barred)
        wanted = by_sorting(queries, items, k, barred)
        assert best.tolist() == wanted.tolist()
        assert counts.tolist() == (wanted < m).sum(axis=1).tolist()


def test_sums_on_the_grid_are_exact() -> None:
    torch.manual_seed(0)
    for dim in (3, 33, 257):
        items = items_on_grid(torch.randn(500, dim))
        queries = queries_on_grid(torch.randn(100, dim, dtype=torch.float64))
        # Aligned vectors come nearest to the limit.
        queries = torch.cat([queries, queries_on_grid(items[:50].double())])
        exact = queries.to(torch.int64) @ items.to(torch.int64).T
        assert exact.abs().max() < 1 << 24
        assert torch.equal((queries @ items.T).to(torch.int64), exact)


def test_a_query_of_zeros_is_all_ties() -> None:
    items = items_on_grid(torch.randn(30, 4))
    best, _ = best_items(queries_on_grid(torch.zeros(1, 4, dtype=torch.float64)), items, 5, None)
    assert best.tolist() == [[0, 1, 2, 3, 4]]
