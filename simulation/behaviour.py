"""A biased policy in the simulated world, with known propensities.

It depends on the user's cluster and on the item's exposure, but not on the user's own taste, the
history, or the item's quality. With z_c the centre of the user's cluster, k_g the vector of the
item's category and rank_j the item's rank by exposure, a place of a list has item j with the
probability

    q_j = (1 - e) softmax_j(4 <z_c, k_g(j)> - 0.6 log rank_j) + e / items

where e is the exploration. The items of a list are distinct: a list of k items includes item j with
probability p_j = k q_j, limited to 1 (the excess is distributed over the other items). p_j is the
item's propensity.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from simulation.latents import Latents

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

LIKING, EXPOSURE = 4.0, 0.6


def inclusion_probabilities(world: Latents, size: int, exploration: float) -> Float64s:
    """The probability of each item to be in a list.

    Args:
        world: the clusters and items.
        size: items in a list; at most the number of items.
        exploration: e, in [0, 1].

    Returns:
        float64 [clusters, items]; each row has the sum `size`.

    Raises:
        ValueError: the world has fewer items than a list.
    """
    if size > world.items:
        raise ValueError(f"a list has {size} distinct items, but there are only {world.items}")
    liking = (world.centres @ world.category_vector.T).astype(np.float64)[:, world.item_category]
    weight = np.exp(LIKING * liking - EXPOSURE * np.log(world.item_rank))
    chance = weight / weight.sum(axis=1, keepdims=True)
    chance = (1 - exploration) * chance + exploration / world.items
    certain = np.zeros(chance.shape, bool)
    while True:
        free = np.where(certain, 0.0, chance)
        left = size - certain.sum(axis=1, keepdims=True)
        total = free.sum(axis=1, keepdims=True)
        scaled = np.where(certain, 1.0, free * (left / np.where(total > 0, total, 1.0)))
        over = ~certain & (scaled >= 1)
        if not over.any():
            return scaled
        certain |= over


def draw_lists(
    inclusion: Float64s, row: Int64s, size: int, rng: np.random.Generator
) -> tuple[Int64s, npt.NDArray[np.float32]]:
    """Draws lists of distinct items with exactly these inclusion probabilities.

    Systematic sampling: in a random order of the items, the cumulative probabilities divide the
    interval from 0 to `size`. The points u, u + 1, u + 2 .. for a uniform u in [0, 1) each select
    the item of their part.

    Args:
        inclusion: float64 [rows, items]; each row has the sum `size`.
        row: int64 [n], the row of `inclusion` for each list.
        size: items in a list.
        rng: source of the orders and points.

    Returns:
        Indices of items, int64 [n, size], in a random order; and their probabilities, float32.
    """
    items = np.empty((len(row), size), np.int64)
    points = rng.random((len(row), 1)) + np.arange(size)
    for start in range(0, len(row), 256):  # a new order for each block, so that pairs vary
        order = rng.permutation(inclusion.shape[1])
        line = np.cumsum(inclusion[:, order], axis=1)
        line *= size / line[:, -1:]
        # With an offset for each row, all rows are one sorted array.
        offset = np.arange(len(line))[:, None] * (size + 1.0)
        block = slice(start, start + 256)
        wanted = points[block] + offset[row[block]]
        at = np.searchsorted((line + offset).ravel(), wanted, side="right")
        ends = (row[block] + 1)[:, None] * inclusion.shape[1] - 1  # rounding may exceed the row
        items[block] = order[np.minimum(at, ends) % inclusion.shape[1]]
    items = rng.permuted(items, axis=1)
    return items, inclusion[row[:, None], items].astype(np.float32)
