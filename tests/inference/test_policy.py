"""A policy's lists obey the rules, and do not depend on who else is in the batch."""

import numpy as np
import pytest
import torch

from inference.network.sizes import STATE_LIMIT
from inference.policy import Policy, StateError
from inference.search.quantize import MAX_NORM, quantize_items, quantize_queries
from tests.inference.tiny import tiny_policy
from transforms.messages.availability import Availability
from transforms.messages.exclusions import Exclusions

ALGORITHMS = ("reinforce", "ddpg", "bcq")


def rows_of(policy: Policy, n: int, height: int = 10, seed: int = 1):  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(seed)
    known = rng.choice(policy.item_ids.ids, (n, height))
    unknown = rng.integers(10**6, 10**12, (n, height))
    histories = np.where(rng.random((n, height)) < 0.2, unknown, known)
    users = rng.integers(98, 107, n)
    return users, histories, rng.integers(0, height + 1, n)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("repeat", [False, True])
def test_lists_obey_the_rules(algorithm: str, repeat: bool) -> None:
    policy = tiny_policy(algorithm)
    users, histories, lengths = rows_of(policy, 300)
    ranking = policy.rank(users, histories, lengths, 8, repeat_consumed=repeat)
    assert ranking.items.dtype == ranking.length.dtype == np.int64
    assert ranking.propensities.dtype == np.float32
    known = set(policy.item_ids.ids.tolist())
    assert ranking.length.tolist() == [8] * 300
    assert (ranking.propensities == 1).all()
    repeated = 0
    for items, history, length in zip(ranking.items, histories, lengths, strict=True):
        assert len(set(items.tolist())) == 8
        assert set(items.tolist()) <= known
        repeated += len(set(items.tolist()) & set(history[:length].tolist()))
    assert (repeated > 0) == repeat


@pytest.mark.parametrize("repeat", [False, True])
@pytest.mark.parametrize("repeats", [False, True])
def test_scores_are_the_quantized_products(repeat: bool, repeats: bool) -> None:
    policy = tiny_policy(repeats=repeats)
    if policy.network.repeats is not None:
        torch.nn.init.normal_(policy.network.repeats.weights)
        policy = Policy(policy.network, policy.item_ids, policy.user_ids, policy.info)
    users, histories, lengths = rows_of(policy, 100)
    scored = policy.rank(users, histories, lengths, 20, repeat_consumed=repeat, scored=True)
    plain = policy.rank(users, histories, lengths, 8, repeat_consumed=repeat)
    assert plain.scores is None
    assert scored.scores is not None
    assert np.array_equal(scored.items[:, :8], plain.items)
    assert (np.diff(scored.scores, axis=1) <= 0).all()
    vectors = quantize_items(policy.network.vectors()).double()
    queries = quantize_queries(policy.queries(users, histories, lengths)).double()
    products = (queries @ vectors.T / MAX_NORM**2).numpy()
    rows = policy.item_ids.rows(scored.items)
    wanted = np.take_along_axis(products, rows, axis=1)
    fresh = np.ones(rows.shape, bool)
    if repeat and repeats:  # The items of the history have repeat scores besides.
        fresh = ~(scored.items[:, :, None] == histories[:, None, :]).any(axis=2)
        assert (wanted != scored.scores)[~fresh].any()
    assert np.array_equal(wanted[fresh], scored.scores[fresh])


def test_a_small_catalogue_gives_shorter_lists() -> None:
    policy = tiny_policy(items=6)
    ids = policy.item_ids.ids
    ranking = policy.rank(np.array([100]), ids[None, :4], np.array([4]), 8)
    assert ranking.length.tolist() == [2]
    assert set(ranking.items[0, :2].tolist()) == set(ids[4:].tolist())
    assert ranking.items[0, 2:].tolist() == [0] * 6
    assert ranking.propensities[0].tolist() == [1, 1, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("encoder", ["attention", "gru"])
def test_neither_the_batch_nor_its_order_matters(algorithm: str, encoder: str) -> None:
    policy = tiny_policy(algorithm, items=3000, encoder=encoder, item_dim=32, user_dim=16)
    users, histories, lengths = rows_of(policy, 2500)
    whole = policy.rank(users, histories, lengths, 8)
    order = np.random.default_rng(5).permutation(2500)
    mixed = policy.rank(users[order], histories[order], lengths[order], 8)
    assert np.array_equal(mixed.items, whole.items[order])
    for size in (1, 7, 333):
        for start in range(0, 2500 if size > 100 else 60 * size, size):
            part = slice(start, start + size)
            ranking = policy.rank(users[part], histories[part], lengths[part], 8)
            assert np.array_equal(ranking.items, whole.items[part])


@pytest.mark.parametrize("items", [3000, 20_000])
def test_threads_do_not_matter(items: int) -> None:
    policy = tiny_policy(items=items, item_dim=32)
    rows = rows_of(policy, 700)
    threads = torch.get_num_threads()
    whole = policy.rank(*rows, 8)
    try:
        for number in (1, 2, 3):
            torch.set_num_threads(number)
            assert np.array_equal(policy.rank(*rows, 8).items, whole.items)
    finally:
        torch.set_num_threads(threads)
    alone = policy.rank(*(column[600:601] for column in rows), 8)
    assert np.array_equal(alone.items, whole.items[600:601])


@pytest.mark.parametrize("encoder", ["attention", "gru"])
def test_padding_is_not_looked_at(encoder: str) -> None:
    policy = tiny_policy(encoder=encoder)
    users, histories, lengths = rows_of(policy, 100)
    beyond = np.arange(10) >= lengths[:, None]
    other = np.where(beyond, policy.item_ids.ids[3], histories)
    first = policy.rank(users, histories, lengths, 8)
    assert np.array_equal(policy.rank(users, other, lengths, 8).items, first.items)
    narrow = policy.rank(users, histories[:, :4], np.minimum(lengths, 4), 8)
    wide = policy.rank(users, histories, np.minimum(lengths, 4), 8)
    assert np.array_equal(narrow.items, wide.items)


def test_a_history_longer_than_the_window_counts_by_its_end() -> None:
    policy = tiny_policy()
    users, histories, lengths = rows_of(policy, 50, height=25)
    states = policy.states(users, histories, lengths)
    for row in range(50):
        last = histories[row, max(0, lengths[row] - 10) : lengths[row]]
        short = np.zeros((1, 10), np.int64)
        short[0, : len(last)] = last
        alone = policy.states(users[row : row + 1], short, np.array([len(last)]))
        assert torch.allclose(states[row], alone[0])
    ranking = policy.rank(users, histories, lengths, 8)
    for items, history, length in zip(ranking.items, histories, lengths, strict=True):
        assert not set(items.tolist()) & set(history[:length].tolist())


@pytest.mark.parametrize("repeat", [False, True])
@pytest.mark.parametrize("copies", [False, True])
def test_exclusions_leave_out_items_of_the_whole_ranking(repeat: bool, copies: bool) -> None:
    policy = tiny_policy(repeats=copies)
    users, histories, lengths = rows_of(policy, 40)
    ids = policy.item_ids.ids
    rng = np.random.default_rng(2)
    # Items that nobody knows, and values beyond the length, change nothing.
    bought = rng.choice(np.append(ids, [-1, 10**12]), (40, 6))
    count = rng.integers(0, 7, 40)
    catalogue = np.sort(np.append(ids[:40], [-5, 10**9]))
    for available in (None, Availability(catalogue, rng.random(42) < 0.7)):
        exclusions = Exclusions(bought, count, (available,) if available else ())
        whole = policy.rank(users, histories, lengths, 60, repeat)
        ranked = policy.rank(users, histories, lengths, 8, repeat, exclusions)
        for row in range(40):
            allowed = [
                item
                for item in whole.items[row, : whole.length[row]].tolist()
                if item not in bought[row, : count[row]]
                and (available is None or item in catalogue[available.bits])
            ]
            assert ranked.items[row, : ranked.length[row]].tolist() == allowed[:8]


def test_order_and_user_change_the_state() -> None:
    policy = tiny_policy()
    history = policy.item_ids.ids[None, :10]
    length = np.array([10])
    state = policy.states(np.array([100]), history, length)
    assert not torch.equal(state, policy.states(np.array([101]), history, length))
    assert not torch.equal(state, policy.states(np.array([100]), history[:, ::-1], length))


def test_states_can_be_ranked_by_themselves() -> None:
    policy = tiny_policy()
    users, histories, lengths = rows_of(policy, 20)
    lengths[:] = 10
    ranking = policy.rank_states(policy.states(users, histories, lengths), 8, histories)
    assert np.array_equal(ranking.items, policy.rank(users, histories, lengths, 8).items)
    free = policy.rank_states(policy.states(users, histories, lengths), 8)
    assert np.array_equal(free.items, policy.rank(users, histories, lengths, 8, True).items)


def test_no_rows_and_tensors() -> None:
    policy = tiny_policy()
    users, histories, lengths = rows_of(policy, 3)
    nothing = policy.rank(users[:0], histories[:0], lengths[:0], 8)
    assert nothing.items.shape == (0, 8)
    given = (torch.from_numpy(users), torch.from_numpy(histories), torch.from_numpy(lengths))
    assert np.array_equal(
        policy.rank(*given, 8).items, policy.rank(users, histories, lengths, 8).items
    )


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_states_up_to_the_limit_rank_and_others_are_refused(algorithm: str) -> None:
    policy = tiny_policy(algorithm)
    users, histories, lengths = rows_of(policy, 20)
    states = policy.states(users, histories, lengths)
    for value in (STATE_LIMIT, -STATE_LIMIT):
        states[3] = value
        ranking = policy.rank_states(states, 8)
        assert ranking.length.tolist() == [8] * 20
        assert all(len(set(items)) == 8 for items in ranking.items.tolist())
    for value in (1e308, -1e31, float("inf"), float("nan")):
        states[3, 5] = value
        with pytest.raises(StateError, match="finite"):
            policy.rank_states(states, 8)
    with pytest.raises(StateError, match="each state must have 12 numbers for"):
        policy.rank_states(states[:, :11], 8)
    with pytest.raises(StateError, match="each state must have 12 numbers for"):
        policy.check_states(states[0])


def test_queries_rank_as_their_rows_do() -> None:
    policy = tiny_policy()
    rows = rows_of(policy, 20)
    scores = policy.queries(*rows) @ policy.network.vectors().double().T
    best = scores[:, :-1].argmax(dim=1).numpy()
    assert policy.item_ids.ids[best].tolist() == policy.rank(*rows, 1, True).items[:, 0].tolist()
