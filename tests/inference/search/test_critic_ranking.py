"""A critic's ranking of what the search found, against a loop."""

import numpy as np
import pytest
import torch

from inference.models.ids import IdMap
from inference.models.info import ModelInfo
from inference.network.network import Network
from inference.network.sizes import Sizes
from inference.policy import Policy

SIZES = Sizes(items=30, users=3, item_dim=4, user_dim=2, window=3, hidden=8, neighbours=6)


def policy(sizes: Sizes = SIZES, trained: bool = True) -> Policy:
    torch.manual_seed(0)
    network = Network("ddpg", sizes)
    if trained and network.critic is not None:
        torch.nn.init.normal_(network.critic.layers[2].weight)
    ids = IdMap(np.arange(1, sizes.items + 1)), IdMap(np.arange(1, sizes.users + 1))
    return Policy(network, *ids, ModelInfo("ddpg", "1", sizes))


def rows(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return rng.integers(1, 5, n), rng.integers(1, 31, (n, 3)), rng.integers(0, 4, n)


def test_of_the_neighbours_the_critics_best_come_first() -> None:
    ours = policy()
    users, histories, lengths = rows(20)
    found = ours.rank(users, histories, lengths, 4)
    # The actor's order: the same network without a critic.
    network = Network("ddpg", Sizes(**{**_fields(SIZES), "neighbours": 0}))
    network.load_state_dict(
        {n: v for n, v in ours.network.state_dict().items() if not n.startswith("critic.")}
    )
    actor = Policy(network, ours.item_ids, ours.user_ids, ModelInfo("ddpg", "1", network.sizes))
    near = actor.rank(users, histories, lengths, 6).items
    states = ours.states(users, histories, lengths)
    vectors = torch.nn.functional.normalize(ours.network.vectors().double(), dim=1)
    critic = ours.network.critic
    assert critic is not None
    changed = 0
    for row in range(20):
        each = states[row].expand(6, -1)
        value = critic.double()(each, vectors[near[row] - 1]).detach().numpy()
        expected = near[row][np.argsort(-value, kind="stable")][:4]
        assert found.items[row].tolist() == expected.tolist()
        changed += expected.tolist() != near[row][:4].tolist()
    assert changed > 10
    # A row's list does not depend on the others, and scores fall.
    alone = ours.rank(users[:1], histories[:1], lengths[:1], 4, scored=True)
    assert alone.items[0].tolist() == found.items[0].tolist()
    assert alone.scores is not None
    assert (np.diff(alone.scores[0]) <= 0).all()


def test_an_untrained_critic_leaves_the_order_and_short_catalogues_have_shorter_lists() -> None:
    users, histories, lengths = rows(20)
    ours = policy(trained=False)
    plain = policy(Sizes(**{**_fields(SIZES), "neighbours": 0}))
    queries = ours.queries(users, histories, lengths)
    assert torch.allclose(queries, plain.queries(users, histories, lengths))
    expected = plain.rank(users, histories, lengths, 4).items
    assert ours.rank(users, histories, lengths, 4).items.tolist() == expected.tolist()
    small = Sizes(**{**_fields(SIZES), "items": 3})
    every = np.array([[1, 2, 3]])
    found = policy(small).rank(np.array([1]), every, np.array([2]), 4)
    assert (found.length.tolist(), found.items[0, 0]) == ([1], 3)


@pytest.mark.parametrize("neighbours", [0, 6])
def test_training_scores_rank_as_the_policy(neighbours: int) -> None:
    ours = policy(Sizes(**{**_fields(SIZES), "neighbours": neighbours}))
    state = torch.randn(5, SIZES.state)
    scores = torch.randn(5, 31)
    scores[:, -1] = -torch.inf
    found = ours.network.reordered(state, scores)
    assert found.sort(dim=1).values.tolist() == scores.sort(dim=1).values.tolist()
    assert (found is scores) == (neighbours == 0)


def _fields(sizes: Sizes) -> dict:
    return {name: getattr(sizes, name) for name in Sizes.__slots__}
