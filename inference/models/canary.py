"""The canary ranking: a policy must rank a few users correctly before it is used."""

from __future__ import annotations

import numpy as np
import torch

from inference.models.files import ModelError
from inference.models.ids import IdMap
from inference.policy import Policy

_K = 8
_HEIGHT = 10


def check_policy(policy: Policy) -> None:
    """Ranks for known and unknown users, with long, short, empty and unknown histories.

    Raises:
        ModelError: a query is not finite; or a list does not have as many items as there are,
            at most 8, all different, known, and none of the history.
    """
    items = policy.item_ids
    histories = np.random.default_rng(0).choice(items.ids, (4, _HEIGHT))
    histories[3] = _unknown(items)
    lengths = np.array([_HEIGHT, 1, 0, _HEIGHT])
    users = np.full(4, _unknown(policy.user_ids))
    known = policy.user_ids.ids[:2]
    users[: len(known)] = known
    if not torch.isfinite(policy.queries(users, histories, lengths)).all():
        raise ModelError(f"{policy.info.label} is broken: its queries are not finite numbers")
    lists = policy.rank(users, histories, lengths, _K)
    for row, length in enumerate(lengths.tolist()):
        ranked = items.rows(lists.items[row, : lists.length[row]])
        history = np.setdiff1d(items.rows(histories[row, :length]), [items.unknown])
        if (
            len(ranked) != min(_K, len(items) - len(history))
            or len(np.unique(ranked)) < len(ranked)
            or np.isin(ranked, [items.unknown, *history]).any()
        ):
            raise ModelError(
                f"{policy.info.label} is broken: it ranks {lists.items[row].tolist()} for the "
                f"history {histories[row, :length].tolist()}"
            )


def _unknown(ids: IdMap) -> int:
    """An id without a row."""
    candidates = np.arange(len(ids) + 1)
    return int(candidates[ids.rows(candidates) == ids.unknown][0])
