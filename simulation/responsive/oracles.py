"""What lists can earn at most: policies that know the world, and an upper bound for all policies.

The **myopic oracle** shows the items of the highest expected reward at the moment, satiation and
the user's present taste included. Where lists have no later effect no policy without the oracle's
knowledge earns more from the same states.

A **planning oracle** also values what a view does to the user's net exposure, at a constant
worth w:

    score_j = E[reward of j] + w P(view of j) f_j

With the best w it is a lower bound of what planning can earn; w = 0 is the myopic oracle.

The **upper bound** is of a user's total reward. The number of lists is that of full satisfaction.
A list earns at most what its k best items earn if nothing has been satiated, each after the
history that makes it most appealing: the mean of a history's items is at most as similar to an item
as the most similar other item is.
"""

from __future__ import annotations

import numpy as np

from simulation.feedback import item_rewards
from simulation.latents import (
    MOMENTUM_WEIGHT,
    TASTE_WEIGHT,
    VIEW_THRESHOLD,
    Float32s,
    Int64s,
    sigmoid,
)
from simulation.model import World
from simulation.responsive.world import ResponsiveWorld

CELLS = 1_000_000
"""Pairs of a user and an item in a block, which bounds the memory."""


class Oracle:
    """A policy that knows the world.

    Args:
        world: the world that it is played in.
        size: items in a list.
        worth: w; 0 for the myopic oracle.
    """

    def __init__(self, world: ResponsiveWorld, size: int, worth: float = 0.0) -> None:
        self._world, self._size = world, size
        self._viewed = _value_of_views(world.catalogue.world)
        self._worth = np.float32(worth) * world.catalogue.fulfilment.astype(np.float32)

    def __call__(self, users: Int64s, times: Int64s, histories: Int64s) -> Int64s:
        """Lists [n, size] of ids for users at their due times, without items of the history."""
        world, lists = self._world, np.empty((len(users), self._size), np.int64)
        world.memory.move(users - 1, times)
        catalogue = np.arange(1, world.world.items + 1)[None]
        step = max(1, CELLS // world.world.items)
        for start in range(0, len(users), step):
            rows = slice(start, start + step)
            score = self._viewed[world.catalogue.rows(users[rows], times[rows]) - 1] + self._worth
            score *= world.view(users[rows], times[rows], catalogue)
            row, place = np.nonzero(histories[rows])
            score[row, histories[rows][row, place] - 1] = -np.inf
            lists[rows] = _best(score, self._size) + 1
        return lists


def _best(score: Float32s, size: int) -> Int64s:
    """The places of the `size` largest values of each row, the largest first."""
    some = np.argpartition(-score, size - 1, axis=1)[:, :size]
    order = np.argsort(-np.take_along_axis(score, some, axis=1), axis=1, kind="stable")
    return np.asarray(np.take_along_axis(some, order, axis=1))


def _value_of_views(world: World) -> Float32s:
    """The expected reward of each item given its view, float32 [users, items]."""
    value = np.empty((world.users, world.items), np.float32)
    items = np.arange(world.items)
    step = max(1, CELLS // world.items)
    for start in range(0, world.users, step):
        affinity = world.user_taste[start : start + step] @ world.item_vector.T
        funnel = world.funnel(affinity, np.broadcast_to(items, affinity.shape))
        value[start : start + step] = item_rewards(np.ones_like(affinity), funnel)
    return value


def most_of_a_list(world: World, size: int) -> Float32s:
    """An upper bound of a list's expected reward for each user and any history, float32 [users]."""
    near = world.item_vector @ world.item_vector.T
    np.fill_diagonal(near, -1.0)
    best = np.empty(world.users, np.float32)
    items = np.arange(world.items)
    step = max(1, CELLS // world.items)
    for start in range(0, world.users, step):
        rows = slice(start, start + step)
        affinity = world.user_taste[rows] @ world.item_vector.T
        momentum = np.maximum(near.max(axis=1), 0)
        appeal = np.float32(TASTE_WEIGHT) * affinity + np.float32(MOMENTUM_WEIGHT) * momentum
        view = sigmoid(appeal - np.float32(VIEW_THRESHOLD))
        each = item_rewards(view, world.funnel(affinity, np.broadcast_to(items, view.shape)))
        best[rows] = np.partition(each, -size, axis=1)[:, -size:].sum(axis=1)
    return best
