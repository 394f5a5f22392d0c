"""The item index against sorting all items: all search methods, ties, exclusions, odd items."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.search import item_index
from inference.search.int8_support import has_exact_int8
from inference.search.item_index import ItemIndex
from inference.search.quantize import quantize_items, quantize_queries

SEARCHES = ("all scores", "block maxima", "8 bits")


def by_sorting(queries, items, k, excluded, hidden=()):  # type: ignore[no-untyped-def]
    scores = queries.double().numpy() @ items.double().numpy().T
    m = len(items) - 1
    out = np.full((len(queries), k), m)
    for row, score in enumerate(scores):
        order = np.lexsort((np.arange(m), -score[:m]))
        left_out = [*(excluded[row].tolist() if excluded is not None else []), *hidden]
        order = order[~np.isin(order, left_out)][:k]
        out[row, : len(order)] = order
    return out


@pytest.fixture(params=SEARCHES)
def search(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "8 bits" and not has_exact_int8():
        pytest.skip("this processor has no exact 8-bit products")
    if request.param != "all scores":
        monkeypatch.setattr(item_index, "_LARGE", 1)
    monkeypatch.setattr(item_index, "has_fast_int8", lambda: request.param == "8 bits")
    return str(request.param)


def assert_best(queries, items, k, excluded=None, hidden=None):  # type: ignore[no-untyped-def]
    best = ItemIndex(items).best(queries, k, excluded, hidden)
    rows = () if hidden is None else hidden.nonzero().flatten().tolist()
    assert best.tolist() == by_sorting(queries, items, k, excluded, rows).tolist()


@pytest.mark.parametrize("spread", [2, 500])
@pytest.mark.parametrize(
    ("m", "k"), [(3, 5), (9, 9), (18, 12), (700, 1), (2000, 8), (4096, 8), (5003, 17)]
)
def test_as_by_sorting(m: int, k: int, spread: int, search: str) -> None:
    rng = np.random.default_rng(m + k + spread)
    # A spread of 2 makes most scores equal to many others.
    items = torch.from_numpy(rng.integers(-spread, spread, (m + 1, 5))).float()
    queries = torch.from_numpy(rng.integers(-spread, spread, (40, 5))).float()
    assert_best(queries, items, k)
    assert_best(queries, items, k, torch.from_numpy(rng.integers(0, m + 1, (40, 6))))


@pytest.mark.parametrize("share", [0.01, 0.5, 0.999, 1.0])
def test_hidden_rows_are_in_no_list(share: float, search: str) -> None:
    rng = np.random.default_rng(5)
    items = quantize_items(torch.from_numpy(rng.normal(size=(4501, 33))))
    queries = quantize_queries(torch.from_numpy(rng.normal(size=(20, 33))))
    hidden = torch.from_numpy(rng.random(4500) < share)
    assert_best(queries, items, 8, None, hidden)
    # The best items of all are hidden, and some of the others are excluded.
    best = ItemIndex(items).best(queries, 30, None)
    hidden[best[:, ::2].flatten()] = True
    assert_best(queries, items, 8, best, hidden)


@pytest.mark.parametrize("excluded", [3, 12, 400])
def test_excluding_the_best_items(excluded: int, search: str) -> None:
    torch.manual_seed(excluded)
    items = quantize_items(torch.randn(4501, 33))
    queries = quantize_queries(torch.randn(12, 33, dtype=torch.float64))
    best = ItemIndex(items).best(queries, excluded, None)
    assert_best(queries, items, 8, best)
    assert_best(queries, items, 8, best.flip(1))


def odd_items(kind: str) -> torch.Tensor:
    items = torch.randn(4301, 17)
    match kind:
        case "an item far longer than all others":
            items[1234] *= 1e4
        case "a coordinate far larger than all others":
            items[:, 5] += 1e3
        case "all alike":
            items[:] = items[0]
        case "few different":
            items[:] = items[torch.arange(4301) % 7]
        case "all zero":
            items[:] = 0
    return quantize_items(items)


@pytest.mark.parametrize(
    "kind",
    [
        "an item far longer than all others",
        "a coordinate far larger than all others",
        "all alike",
        "few different",
        "all zero",
    ],
)
def test_odd_items(kind: str, search: str) -> None:
    torch.manual_seed(1)
    queries = torch.randn(12, 17, dtype=torch.float64)
    queries[0] = 0
    queries[1, 1:] = 0
    best = torch.randint(0, 4301, (12, 10))
    assert_best(quantize_queries(queries), odd_items(kind), 8)
    assert_best(quantize_queries(queries), odd_items(kind), 8, best)


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 1000),
    clusters=st.integers(1, 60),
    jitter=st.sampled_from([0.001, 0.03, 1.0]),
    k=st.integers(1, 40),
)
@pytest.mark.skipif(not has_exact_int8(), reason="no exact 8-bit products")
def test_8_bit_codes_give_the_exact_result(seed: int, clusters: int, jitter: float, k: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(item_index, "_LARGE", 1)
        generator = torch.Generator().manual_seed(seed)
        centres = torch.randn(clusters, 33, generator=generator)
        items = centres[torch.randint(0, clusters, (5001,), generator=generator)]
        items = items + jitter * torch.randn(5001, 33, generator=generator)
        near = items[torch.randint(0, 5000, (6,), generator=generator)].double()
        near += 0.3 * torch.randn(near.shape, generator=generator)
        hidden = torch.randint(0, 5001, (6, 10), generator=generator)
        assert_best(quantize_queries(near), quantize_items(items), k, hidden)


@pytest.mark.skipif(not has_exact_int8(), reason="no exact 8-bit products")
def test_ordinary_items_need_no_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(item_index, "_LARGE", 1)
    monkeypatch.setattr(item_index._BlockMaxima, "keys", None)
    monkeypatch.setattr(item_index, "has_fast_int8", lambda: True)
    torch.manual_seed(2)
    items = quantize_items(torch.randn(20_001, 33))
    queries = quantize_queries(torch.randn(30, 33, dtype=torch.float64))
    assert_best(queries, items, 8, torch.randint(0, 20_001, (30, 10)))


def test_quantized_sums_are_exact() -> None:
    torch.manual_seed(0)
    for dim in (3, 33, 257):
        items = quantize_items(torch.randn(500, dim))
        queries = quantize_queries(torch.randn(100, dim, dtype=torch.float64))
        # Aligned vectors come nearest to the limit.
        queries = torch.cat([queries, quantize_queries(items[:50].double())])
        exact = queries.to(torch.int64) @ items.to(torch.int64).T
        assert exact.abs().max() < 1 << 24
        assert torch.equal((queries @ items.T).to(torch.int64), exact)


def test_a_query_of_zeros_is_all_ties(search: str) -> None:
    items = quantize_items(torch.randn(30, 4))
    best = ItemIndex(items).best(quantize_queries(torch.zeros(1, 4, dtype=torch.float64)), 5, None)
    assert best.tolist() == [[0, 1, 2, 3, 4]]
