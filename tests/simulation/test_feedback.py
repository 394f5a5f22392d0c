"""True rewards of lists, and samples that have them as their mean."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulation.feedback import NOTHING, best_lists, rewards
from simulation.latents import DECAY, MEMORY
from simulation.model import World

WORLD = World.make(seed=7, users=50, items=200, clusters=5)
ITEMS = st.lists(st.integers(-1, 201), min_size=1, max_size=12)


def column(*values: int) -> np.ndarray:
    return np.array([values], np.int64)


def logistic(x: float) -> float:
    return 1 / (1 + float(np.exp(-x)))


def reward_by_hand(user: int, history: list[int], shown: list[int]) -> float:
    """The formulas of simulation.model, item by item."""
    taste = WORLD.user_taste[user - 1].astype(float)
    last = [item for item in history if 1 <= item <= 200][::-1][:MEMORY]
    weights = [DECAY**age for age in range(len(last))]
    momentum = sum(
        (w * WORLD.item_vector[j - 1].astype(float) for w, j in zip(weights, last, strict=True)),
        np.zeros(16),
    ) / (sum(weights) or 1)
    total = 0.0
    for item in {item for item in shown if 1 <= item <= 200}:
        vector = WORLD.item_vector[item - 1].astype(float)
        appeal = 2.5 * taste @ vector + 3.5 * momentum @ vector - 3 * (item in last)
        drive = 3 * taste @ vector + float(WORLD.item_quality[item - 1])
        view, cart, fav = logistic(appeal - 5), logistic(drive - 5.2), logistic(drive - 5.6)
        value = 0.0
        for carted, p_carted in ((True, cart), (False, 1 - cart)):
            buy = logistic(drive - 6.8 + 3 * carted)
            other = 2 if carted else 2 * fav + 1 * (1 - fav)
            value += p_carted * (3 * buy + other * (1 - buy))
        total += view * value
    return total


@given(user=st.integers(1, 50), history=ITEMS, shown=ITEMS)
def test_expected_reward_is_the_formula(user: int, history: list[int], shown: list[int]) -> None:
    got = WORLD.expected_reward(np.array([user]), column(*history), column(*shown))
    assert got.dtype == np.float32
    assert got[0] == pytest.approx(reward_by_hand(user, history, shown), rel=1e-4, abs=1e-5)


@given(history=ITEMS, shown=ITEMS, data=st.data())
def test_lengths_limit_rows(history: list[int], shown: list[int], data: st.DataObject) -> None:
    h, k = data.draw(st.integers(0, len(history))), data.draw(st.integers(0, len(shown)))
    user = np.array([3])
    cut = WORLD.expected_reward(
        user, column(*history), column(*shown), np.array([h]), np.array([k])
    )
    alone = WORLD.expected_reward(
        user,
        np.array([history[:h]], np.int64).reshape(1, h),
        np.array([shown[:k]], np.int64).reshape(1, k),
    )
    assert cut == pytest.approx(alone, rel=1e-6)


def test_padding_on_either_side_is_the_same() -> None:
    user, shown = np.array([1]), column(5, 6, 7)
    left = WORLD.expected_reward(user, column(0, 0, 8, 9), shown)
    assert left == WORLD.expected_reward(user, column(8, 9, 0, 0), shown)
    assert left != WORLD.expected_reward(user, column(9, 8, 0, 0), shown)


def test_samples_have_the_expected_reward_as_their_mean() -> None:
    rng = np.random.default_rng(0)
    n = 40_000
    users = np.repeat(np.arange(1, 6), n)
    taste = np.argsort(-(WORLD.user_taste[:5] @ WORLD.item_vector.T), axis=1) + 1
    history = np.repeat(taste[:, 10:20], n, axis=0)  # items close to the user's taste, so that
    lists = np.repeat(taste[:, :8], n, axis=0)  # all behaviors of the funnel are frequent
    lists[:, 5] = lists[:, 4]  # shown twice, earns once
    lists[:, 6] = 0  # padding
    expected = WORLD.expected_reward(users[::n], history[::n], lists[::n])
    behaviors = WORLD.sample_feedback(users, history, lists, rng)
    assert behaviors.dtype == np.int8
    assert set(np.unique(behaviors)) == {NOTHING, 0, 1, 2, 3}
    assert (behaviors[:, 5:7] == NOTHING).all()
    earned = rewards(behaviors).sum(axis=1).reshape(5, n)
    error = earned.std(axis=1) / np.sqrt(n)
    assert (np.abs(earned.mean(axis=1) - expected) < 4.5 * error).all()
    assert (expected > 0.5).all()


def test_the_best_lists_are_those_of_the_items_that_earn_most() -> None:
    users, histories = np.array([1, 2, 3]), np.array([[0, 5, 9], [8, 8, 1], [0, 0, 0]])
    lists = best_lists(WORLD, users, histories, 4)
    for user, history, best in zip(users, histories, lists, strict=True):
        alone = np.arange(1, 201)[:, None]
        n = len(alone)
        earned = WORLD.expected_reward(np.repeat(user, n), np.tile(history, (n, 1)), alone)
        earned[[item - 1 for item in history if item]] = -1
        assert best.tolist() == (np.argsort(-earned, kind="stable")[:4] + 1).tolist()


def test_samples_repeat_with_their_generator() -> None:
    users, lists = np.arange(1, 51), np.tile(np.arange(1, 9), (50, 1))
    one, two = (
        WORLD.sample_feedback(users, lists, lists, np.random.default_rng(5)) for _ in range(2)
    )
    assert (one == two).all()


def test_blocks_change_nothing() -> None:
    users = np.resize(np.arange(1, 51), 10_000)
    rng = np.random.default_rng(1)
    history, lists = rng.integers(1, 201, (10_000, 10)), rng.integers(1, 201, (10_000, 8))
    whole = WORLD.expected_reward(users, history, lists)
    assert whole[9_000:9_050] == pytest.approx(
        WORLD.expected_reward(users[9_000:9_050], history[9_000:9_050], lists[9_000:9_050])
    )


def test_rewards_are_those_of_the_spec() -> None:
    assert rewards(np.array([-1, 0, 1, 2, 3], np.int8)).tolist() == [0, 1, 2, 2, 3]


def test_appeal_of_one_list_for_all_is_that_of_a_list_each() -> None:
    users, catalogue = np.array([1, 2, 3]), np.arange(0, 202)[None]
    history = np.array([[1, 2], [3, 4], [0, 0]])
    shared = WORLD.appeal(users, history, catalogue)
    each = WORLD.appeal(users, history, np.tile(catalogue, (3, 1)))
    assert shared == pytest.approx(each, abs=1e-5)
    assert np.isneginf(shared[:, [0, 201]]).all()


def test_items_of_the_history_have_a_smaller_appeal() -> None:
    fresh = WORLD.appeal(np.array([1]), column(7), column(7, 8))
    gone = WORLD.appeal(np.array([1]), column(7, *range(20, 30)), column(7, 8))
    assert WORLD.appeal(np.array([1]), column(0), column(7))[0, 0] > fresh[0, 0] - 3.5
    assert fresh[0, 0] < gone[0, 0] + 3.5


def test_refuses_users_of_another_world() -> None:
    for user in (0, 51):
        with pytest.raises(ValueError, match=r"1 \.\. 50"):
            WORLD.expected_reward(np.array([user]), column(1), column(1))
