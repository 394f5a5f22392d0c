"""A biased policy that shows lists in the simulated world, with known propensities.

It goes by what a user's cluster likes and by how exposed an item is, and knows neither the
user's own taste nor the last events nor an item's quality. With z_c the user's cluster, k_g the
item's category and rank its place in the exposure, a place of a list shows item j with chance

    q_j = (1 - e) softmax_j(4 <z_c, k_g(j)> - 0.6 log rank_j) + e / items

where e, the exploration, is left to chance. A list has different items: item j is in it with the
probability p_j = 8 q_j, cut at 1 (the rest goes to the others), which is the item's propensity.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from simulation.latents import Latents

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

LIKING, EXPOSURE = 4.0, 0.6
EXPLORATION = 0.2


def inclusion_probabilities(world: Latents, size: int, exploration: float) -> Float64s:
    """The chance of each item to be in a list: float64 [clusters, items], rows sum to `size`.

    Args:
        world: whose clusters and items they are.
        size: items of a list; at most the world's.
        exploration: e, in [0, 1].

    Raises:
        ValueError: the world has fewer items than a list.
    """
    if size > world.items:
        raise ValueError(f"a list of {size} different items needs as many; there are {world.items}")
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
    """Lists of different items that each item is in with exactly its probability.

    Systematic sampling: the probabilities lie one after the other, in a random order, on a line
    of length `size`; the points u, u + 1, u + 2 .. for a random u in [0, 1) each hit one item.

    Args:
        inclusion: float64 [rows, items], each row with the sum `size`.
        row: int64 [n], the row for each list.
        size: items of a list.
        rng: draws orders and points.

    Returns:
        Indices of items int64 [n, size], in a random order, and their probabilities float32.
    """
    items = np.empty((len(row), size), np.int64)
    points = rng.random((len(row), 1)) + np.arange(size)
    for start in range(0, len(row), 256):  # a fresh order now and then: pairs are not fixed
        order = rng.permutation(inclusion.shape[1])
        line = np.cumsum(inclusion[:, order], axis=1)
        line *= size / line[:, -1:]
        # The rows' lines one behind the other: one sorted array for all.
        offset = np.arange(len(line))[:, None] * (size + 1.0)
        block = slice(start, start + 256)
        wanted = points[block] + offset[row[block]]
        at = np.searchsorted((line + offset).ravel(), wanted, side="right")
        ends = (row[block] + 1)[:, None] * inclusion.shape[1] - 1  # rounding may lead beyond
        items[block] = order[np.minimum(at, ends) % inclusion.shape[1]]
    items = rng.permuted(items, axis=1)
    return items, inclusion[row[:, None], items].astype(np.float32)
