"""Feedback logs made from others, and logs of items with known rewards."""

import numpy as np
import pyarrow as pa

from training.estimation.list_log import ListLog


def without_exploration(table: pa.Table) -> pa.Table:
    """The log with propensities of 1 and no place marked as drawn."""
    lengths = [len(each) for each in table["propensities"].to_pylist()]
    ones = pa.array([[1.0] * length for length in lengths])
    nothing = pa.array([[False] * length for length in lengths])
    table = table.drop_columns(["propensities", "explored"])
    return table.append_column("propensities", ones).append_column("explored", nothing)


def known_log(
    random: np.random.Generator, mean: np.ndarray, lists: int = 2_000, users: int = 300
) -> ListLog:
    """Lists of 3 of 10 items, drawn evenly, with Poisson rewards.

    Args:
        random: draws users, lists and rewards.
        mean: float64 [10], the items' mean rewards; their ids are 1 .. 10.
        lists: number of lists.
        users: number of users.
    """
    shown = np.argsort(random.random((lists, 10)), axis=1)[:, :3]
    return ListLog(
        user=random.integers(users, size=lists),
        time=np.arange(lists),
        history=np.ones((lists, 1), np.int64),
        history_length=np.ones(lists, np.int64),
        items=shown + 1,
        length=np.full(lists, 3),
        propensity=np.full((lists, 3), 0.3),
        reward=random.poisson(mean[shown]).astype(float),
        explored=np.ones(lists, bool),
    )
