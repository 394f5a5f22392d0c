"""The canary ranking refuses a policy whose lists or queries are wrong, and no other."""

import numpy as np
import pytest
import torch

from inference.models.canary import check_policy
from inference.models.files import ModelError
from inference.models.ids import IdMap
from inference.models.info import ModelInfo
from inference.policy import Policy
from tests.inference.tiny import tiny_network, tiny_policy
from transforms.messages.ranked_lists import RankedLists


@pytest.mark.parametrize("items", [1, 2, 7, 8, 9, 50])
def test_a_policy_of_any_size_passes(items: int) -> None:
    check_policy(tiny_policy(items=items))


def test_ids_at_the_ends_of_int64_pass() -> None:
    network = tiny_network(items=3)
    ends = np.iinfo(np.int64)
    users = IdMap(np.array([ends.min, ends.max, 0, 1, 2]))
    info = ModelInfo("reinforce", "1", network.sizes)
    check_policy(Policy(network, IdMap(np.array([ends.min, 0, ends.max])), users, info))


def spoil(lists: RankedLists, how: str, histories: np.ndarray) -> RankedLists:
    match how:
        case "one item again and again":
            lists.items[:] = lists.items[:, :1]
        case "an unknown item":
            lists.items[2, 3] = 5
        case "an item of the history":
            lists.items[0, 7] = histories[0, 9]
        case "too few items":
            lists.length[3] = 7
    return lists


@pytest.mark.parametrize(
    "how",
    ["one item again and again", "an unknown item", "an item of the history", "too few items"],
)
def test_wrong_lists_are_refused(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = tiny_policy()
    rank = policy.rank
    monkeypatch.setattr(
        policy, "rank", lambda users, items, *more: spoil(rank(users, items, *more), how, items)
    )
    with pytest.raises(ModelError, match="reinforce-1 is broken: it ranks"):
        check_policy(policy)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_queries_that_are_not_finite_are_refused(value: float) -> None:
    network = tiny_network()
    with torch.no_grad():
        next(network.head.parameters())[0, 0] = value
    plain = tiny_policy()
    policy = Policy(network, plain.item_ids, plain.user_ids, plain.info)
    with pytest.raises(ModelError, match="not finite"):
        check_policy(policy)
