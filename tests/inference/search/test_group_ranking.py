"""States that are ranked for several times together, against each time alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.search import group_ranking
from inference.search.group_ranking import GroupRanking
from tests.inference.tiny import tiny_policy
from transforms.messages.availability import Availability
from transforms.messages.exclusions import Exclusions
from transforms.messages.ranked_lists import RankedLists

Int64s = np.ndarray
OTHER = np.arange(0, 12)
IDS = np.arange(1, 10)
SIZE = 3


class ByHand:
    """Ranks a row at a time: a total order of each user's own, less what is excluded."""

    def __init__(self, users: Int64s) -> None:
        self.users = users
        self.ranked = 0

    def __call__(self, rows: Int64s, exclusions: Exclusions, more: int = 0) -> RankedLists:
        self.ranked += len(rows)
        size = SIZE + more
        assert exclusions.group is None
        items, lengths = np.zeros((len(rows), size), np.int64), np.zeros(len(rows), np.int64)
        for row, user in enumerate(self.users[rows].tolist()):
            allowed = Exclusions.take(exclusions, np.array([row])).allows(IDS[None, :])[0]
            best = sorted(IDS[allowed].tolist(), key=lambda item: (item * (user + 3)) % 11)[:size]
            items[row, : len(best)], lengths[row] = best, len(best)
        return RankedLists.deterministic(items, lengths, b"by-hand")


@settings(deadline=None)
@given(st.data())
def test_lists_are_those_of_each_time_alone(data: st.DataObject) -> None:
    bits = st.lists(st.booleans(), min_size=12, max_size=12)
    available = tuple(
        Availability(ids, np.array(data.draw(bits))[: len(ids)])
        for ids in data.draw(st.lists(st.sampled_from([IDS, OTHER]), min_size=2, max_size=4))
    )
    row = st.tuples(st.integers(0, 2), st.integers(1, 2), st.integers(0, len(available) - 1))
    rows = sorted(data.draw(st.lists(row, max_size=12, unique=True)))
    users, history, group = np.array(rows, np.int64).reshape(len(rows), 3).T
    bought = np.where(users == 2, 4, history)[:, None]
    exclusions = Exclusions(bought, users % 2, available, group)
    states = users, history[:, None], np.ones(len(rows), np.int64)
    ranks = GroupRanking()
    for shares in (True, False, True):
        ranker = ByHand(users)
        parts = ranks.rank(ranker, SIZE, states, exclusions, shares)
        found = RankedLists.joined(len(rows), SIZE, parts)
        for place in range(len(rows)):
            alone = Exclusions(bought[[place]], users[[place]] % 2, (available[group[place]],))
            wanted = ByHand(users)(np.array([place]), alone)
            assert found.items[place].tolist() == wanted.items[0].tolist()
            assert found.length[place] == wanted.length[0]
            assert found.policy[place] == b"by-hand"
        assert shares or ranker.ranked == len(rows)


@pytest.mark.parametrize("gone", [1, 3, 4])
def test_a_state_is_ranked_again_where_too_few_of_its_list_are_available(
    monkeypatch: pytest.MonkeyPatch, gone: int
) -> None:
    monkeypatch.setattr(group_ranking, "_SPARE", SIZE)
    users, group = np.repeat([0, 1], 3), np.tile(np.arange(3), 2)
    whole = np.ones(len(IDS), bool)
    # Some of the six items that each state is ranked for.
    best = ByHand(users)(np.array([0, 3]), Exclusions.none(2), SIZE).items
    some = ~np.isin(IDS, best[0, :gone])
    available = tuple(Availability(IDS, bits) for bits in (whole, whole, some))
    exclusions = Exclusions(np.zeros((6, 0), np.int64), np.zeros(6, np.int64), available, group)
    ranker = ByHand(users)
    states = users, np.ones((6, 1), np.int64), np.ones(6, np.int64)
    for _ in GroupRanking().rank(ranker, SIZE, states, exclusions, shares=True):
        pass
    left = [int(some[row - 1].sum()) for row in best]
    assert (left[0] < SIZE) == (gone == 4)
    assert ranker.ranked == 2 + sum(each < SIZE for each in left)


@pytest.mark.parametrize("repeat", [False, True])
@pytest.mark.parametrize("sizes", [{}, {"repeats": True}, {"neighbours": 12}])
def test_a_policy_ranks_each_time_as_if_alone(
    monkeypatch: pytest.MonkeyPatch, repeat: bool, sizes: dict
) -> None:
    monkeypatch.setattr(group_ranking, "_TOGETHER", 3)
    policy = tiny_policy("ddpg" if "neighbours" in sizes else "reinforce", **sizes)
    ids, rng = np.sort(policy.item_ids.ids), np.random.default_rng(4)
    bits = np.ones(len(ids), bool)
    available = []
    for _ in range(5):
        bits = bits.copy()
        bits[rng.integers(0, len(ids), 4)] ^= True
        available.append(Availability(ids, bits))
    state, group = np.repeat(np.arange(30), 5), np.tile(np.arange(5), 30)
    histories = rng.choice(ids, (30, 10))[state]
    lengths = rng.integers(0, 11, 30)[state]
    bought, count = rng.choice(ids, (30, 3))[state], rng.integers(0, 4, 30)[state]
    given_exclusions = Exclusions(bought, count, tuple(available), group)
    found = policy.rank(state, histories, lengths, 8, repeat, given_exclusions, scored=True)
    assert found.scores is not None
    for number, each in enumerate(available):
        at = np.flatnonzero(group == number)
        alone = Exclusions(bought[at], count[at], (each,))
        wanted = policy.rank(state[at], histories[at], lengths[at], 8, repeat, alone, scored=True)
        assert np.array_equal(found.items[at], wanted.items)
        assert np.array_equal(found.length[at], wanted.length)
        assert wanted.scores is not None
        assert np.array_equal(found.scores[at], wanted.scores)
