"""The loop's exploration has exact probabilities, and its bandit learns."""

import numpy as np

from benchmarks.loop.bandit import Thompson
from benchmarks.loop.explore import LastPlaces
from simulation.model import World


def test_inclusion_probabilities_are_the_shares_of_lists() -> None:
    explore = LastPlaces(size=4, places=2, pool=5, seed=3)
    assert explore.depth == 7
    n = 20_000
    users, times = np.arange(1, n + 1), np.full(n, 1_000)
    best = np.tile(np.arange(11, 18), (n, 1))
    lists, chances = explore.lists(users, times, best)
    assert (lists[:, :2] == [11, 12]).all()
    assert (chances == [1.0, 1.0, np.float32(0.4), np.float32(0.4)]).all()
    assert (np.diff(lists, axis=1) > 0).all()  # distinct, in the policy's order
    counts = np.bincount(lists[:, 2:].ravel(), minlength=18)[13:]
    assert ((counts - 0.4 * n) ** 2 / (0.4 * n * 0.6)).sum() < 20.5  # chi-square, 5, 0.1%
    pairs = np.unique(lists[:, 2:], axis=0, return_counts=True)[1]
    assert len(pairs) == 10
    assert ((pairs - n / 10) ** 2 / (n / 10)).sum() < 27.9  # 9 degrees of freedom, 0.1%


def test_draws_depend_on_user_and_time_alone() -> None:
    explore = LastPlaces(size=4, places=2, pool=5, seed=3)
    users, times = np.arange(1, 9), np.arange(8) * 20
    best = np.tile(np.arange(1, 8), (8, 1))
    whole, _ = explore.lists(users, times, best)
    for row in range(8):
        one, _ = explore.lists(users[[row]], times[[row]], best[[row]])
        assert one[0].tolist() == whole[row].tolist()


def test_without_exploration_the_list_is_the_best_one() -> None:
    best = np.array([[5, 3, 9, 1]])
    lists, chances = LastPlaces(3, 0, 0, 0).lists(np.array([1]), np.array([20]), best)
    assert lists.tolist() == [[5, 3, 9]]
    assert chances.tolist() == [[1.0, 1.0, 1.0]]


def test_the_bandit_finds_the_items_that_earn() -> None:
    world = World.make(0, users=20, items=40, clusters=2)
    events = world.stream(2_000, 0.4)
    bandit = Thompson(events, 20, 40, np.arange(40) // 4, seed=0)
    users, histories = np.arange(1, 21), np.zeros((20, 10), np.int64)
    histories[:, 9] = 13
    rng = np.random.default_rng(0)
    for _ in range(30):  # items 13 to 16 of category 3 earn 1, all others 0
        lists = rng.permuted(np.tile(np.arange(1, 41), (20, 1)), axis=1)[:, :8]
        bandit.learn(users, histories, lists, ((lists > 12) & (lists < 17)).astype(float))
    best = bandit.best(users, histories, 3, draw=False)
    assert (np.sort(best, axis=1) == [14, 15, 16]).all()  # 13 is in the history
    assert bandit.best(users, histories, 8).shape == (20, 8)
