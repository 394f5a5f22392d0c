"""Repeat scores against plain loops, and the lists that they give."""

from pathlib import Path

import numpy as np
import pytest
import torch

from inference.models.directory import load_policy, save_policy
from inference.models.info import ModelInfo
from inference.network.repeats import RepeatScores, RepeatWeights, best_with_repeats
from inference.policy import Policy
from inference.search.item_index import ItemIndex
from tests.inference.tiny import tiny_ids, tiny_network


def plain_bonus(items: list[int], bonus: list[float], item: int) -> float:
    return sum(add for had, add in zip(items, bonus, strict=True) if had == item)


def test_weights_are_by_place_from_the_end() -> None:
    weights = RepeatWeights(3)
    weights.weights.data, weights.again.data = torch.tensor([3.0, 2.0, 1.0]), torch.tensor(0.5)
    items = torch.tensor([[7, 8, 7], [8, 9, 9]])
    scores = weights(items, torch.tensor([3, 1]))
    # The last place of an item counts, and each further one a little. Beyond the second row's one
    # item nothing is added.
    assert scores.bonus.tolist() == [[0.5, 2, 3], [3, 0, 0]]
    assert scores.totals().tolist() == [[3.5, 2, 3.5], [3, 0, 0]]
    assert scores.of(torch.tensor([[7, 8, 5], [9, 8, 7]])).tolist() == [[3.5, 2, 0], [0, 3, 0]]
    assert scores.firsts(unknown=9).tolist() == [[True, True, False], [True, False, False]]


@pytest.mark.parametrize(("m", "k"), [(3, 5), (60, 8), (300, 20)])
def test_lists_are_those_of_sorting_all_sums(m: int, k: int) -> None:
    rng = np.random.default_rng(m)
    # Few different scores: many ties, between items of the window and others too.
    items = torch.from_numpy(rng.integers(-2, 3, (m + 1, 4))).float()
    queries = torch.from_numpy(rng.integers(-2, 3, (50, 4))).float()
    had = torch.from_numpy(rng.integers(0, m + 1, (50, 6)))
    bonus = torch.from_numpy(rng.integers(-4, 5, (50, 6))).double()
    best, _ = best_with_repeats(ItemIndex(items), items, queries, k, RepeatScores(had, bonus))
    for row in range(50):
        scores = (items[:-1] @ queries[row]).tolist()
        total = [
            score + plain_bonus(had[row].tolist(), bonus[row].tolist(), item)
            for item, score in enumerate(scores)
        ]
        order = sorted(range(m), key=lambda item: (-total[item], item))[:k]
        assert best[row].tolist() == order + [m] * (k - len(order))


def test_a_bonus_beyond_all_bounds_only_wins() -> None:
    items = torch.tensor([[1.0], [2.0], [0.0]])
    repeats = RepeatScores(
        torch.tensor([[0, 2]]), torch.tensor([[1e30, 1e30]], dtype=torch.float64)
    )
    best, _ = best_with_repeats(ItemIndex(items), items, torch.tensor([[1.0]]), 3, repeats)
    assert best.tolist() == [[0, 1, 2]]


@pytest.mark.parametrize("algorithm", ["reinforce", "ddpg", "bcq"])
def test_a_policy_ranks_by_the_networks_scores_and_its_repeat_scores(
    algorithm: str, tmp_path: Path
) -> None:
    network = tiny_network(algorithm, repeats=True)
    assert network.repeats is not None
    network.repeats.weights.data, network.repeats.again.data = (
        torch.linspace(4, -2, 10),
        torch.tensor(0.7),
    )
    items, users = tiny_ids()
    save_policy(tmp_path, network, items, users, ModelInfo(algorithm, "1", network.sizes))
    policy = load_policy(tmp_path)
    rng = np.random.default_rng(1)
    histories = rng.choice(items.ids, (30, 13))
    histories[:, 7] = histories[:, 10]
    histories[:, 2] = 5  # an item that the policy does not know
    lengths = rng.integers(0, 14, 30)
    ranking = policy.rank(np.full(30, 101), histories, lengths, 50, repeat_consumed=True)
    rows = items.rows(histories)
    for row, length in enumerate(lengths.tolist()):
        window = torch.from_numpy(rows[row : row + 1, max(0, length - 10) : length])
        size = torch.tensor([window.shape[1]])
        given = window if length else torch.full((1, 1), items.unknown)
        with torch.no_grad():
            scores = network(given, size, torch.tensor([1])) @ network.vectors().T
            repeats = network.repeat_scores(window, size)
            assert repeats is not None
            scores.scatter_add_(1, repeats.items, repeats.bonus)
        ranked = scores[0, items.rows(ranking.items[row])]
        # In order, up to quantization.
        assert ranked.diff().max() < 1e-3 * (ranked[0] - ranked[-1])
        assert sorted(ranking.items[row]) == sorted(items.ids)
    new = policy.rank(np.full(30, 101), histories, lengths, 8)
    plain = tiny_network(algorithm)
    plain.load_state_dict(network.state_dict(), strict=False)
    info = ModelInfo(algorithm, "1", plain.sizes)
    expected = Policy(plain, items, users, info).rank(np.full(30, 101), histories, lengths, 8)
    assert new.items.tolist() == expected.items.tolist()
