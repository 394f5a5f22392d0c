"""What the effects add to users and items: fulfilment, new items, and tastes that change."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from simulation.effects import FULFILMENT, TOPIC_SHARE, Effects
from simulation.latents import Float32s, Int64s
from simulation.model import World
from simulation.responsive.keyed import Purpose, exponentials

Float64s = npt.NDArray[np.float64]
ALWAYS = np.iinfo(np.int64).min
NEVER = np.iinfo(np.int64).max
DAY = 86_400
BLOCK = 1_024


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """Users' and items' further properties.

    Attributes:
        fulfilment: float64 [items], f_j of `simulation.effects`.
        born: int64 [items], the time from which an item exists; ALWAYS for old items.
        elder: int64 [items], the index of the most similar old item; an old item's own.
        changes: int64 [users], the time at which a user's taste changes; NEVER where it does not.
        world: the users twice: rows from `users` on are the users after the change.
    """

    fulfilment: Float64s
    born: Int64s
    elder: Int64s
    changes: Int64s
    world: World

    @staticmethod
    def make(world: World, effects: Effects, start: int, end: int, seed: int) -> Catalogue:
        """The properties of a world's users and items from `start` to `end` (epoch seconds)."""
        rng = np.random.default_rng([world.seed, 5])
        topic = rng.standard_normal(len(world.category_cluster))[world.item_category]
        own = rng.standard_normal(world.items)
        fulfilment = FULFILMENT * (TOPIC_SHARE * topic + (1 - TOPIC_SHARE**2) ** 0.5 * own)
        young = rng.permutation(world.items)[: round(effects.new_items * world.items)]
        born = np.full(world.items, ALWAYS)
        born[young] = start + np.floor(rng.random(len(young)) * (end - start)).astype(np.int64)
        other = rng.permutation(world.users)
        return Catalogue(
            fulfilment=fulfilment,
            born=born,
            elder=_elders(world, young),
            changes=_changes(world.users, effects.drift, start, seed),
            world=replace(
                world,
                user_taste=np.concatenate((world.user_taste, world.user_taste[other])),
                user_cluster=np.concatenate((world.user_cluster, world.user_cluster[other])),
            ),
        )

    def changed(self, base: World) -> World:
        """The users after the change of their tastes."""
        n = base.users
        taste, cluster = self.world.user_taste[n:], self.world.user_cluster[n:]
        return replace(base, user_taste=taste, user_cluster=cluster)

    def affinity(self, rows: Int64s, items: Int64s) -> Float32s:
        """<taste, item> of rows of `world` [n] and items (ids) [n, k], float32 [n, k]."""
        vectors = self.world.item_vector[items - 1]
        return np.asarray(np.einsum("nkd,nd->nk", vectors, self.world.user_taste[rows - 1]))

    def rows(self, users: Int64s, times: Int64s) -> Int64s:
        """The ids in `world` of users (ids) at times."""
        changed = times >= self.changes[users - 1]
        return np.asarray(users + changed * (self.world.users // 2))


def _changes(users: int, drift: float, start: int, seed: int) -> Int64s:
    if not drift:
        return np.full(users, NEVER)
    wait = exponentials(seed, Purpose.DRIFT, np.arange(users)) * DAY / drift
    return np.asarray(start + np.minimum(wait, 1e15).astype(np.int64))


def _elders(world: World, young: Int64s) -> Int64s:
    elder = np.arange(world.items)
    old = np.setdiff1d(elder, young)
    for begin in range(0, len(young), BLOCK):
        rows = young[begin : begin + BLOCK]
        near = world.item_vector[rows] @ world.item_vector[old].T
        elder[rows] = old[near.argmax(axis=1)]
    return elder
