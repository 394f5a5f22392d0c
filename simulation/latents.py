"""The latent vectors of a world, and the constants of its formulas (see `simulation.model`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

Float32s = npt.NDArray[np.float32]
Int64s = npt.NDArray[np.int64]

MEMORY = 10
"""Events of a user's history that affect the appeal."""
DECAY = 0.7
TASTE_WEIGHT = 2.5
MOMENTUM_WEIGHT = 3.5
STALENESS = 3.0
VIEW_THRESHOLD = 5.0
ITEMS_PER_CATEGORY = 20


@dataclass(frozen=True, slots=True)
class Funnel:
    """Probabilities of the behaviors after a view; float32 arrays of the same shape.

    Attributes:
        cart: the item is put into the cart.
        fav: the item becomes a favourite.
        buy: the item is bought, given that it is not in the cart.
        buy_carted: the item is bought, given that it is in the cart.
    """

    cart: Float32s
    fav: Float32s
    buy: Float32s
    buy_carted: Float32s


@dataclass(frozen=True, slots=True, eq=False)
class Latents:
    """The latent vectors of users and items (see `simulation.model`).

    Rows are indices from 0. The ids in streams, histories and lists are index + 1; 0 is padding.

    Attributes:
        seed: the seed of all arrays.
        centres: float32 [clusters, dimensions].
        user_cluster: int64 [users].
        user_taste: float32 [users, dimensions].
        category_cluster: int64 [categories].
        category_vector: float32 [categories, dimensions].
        item_category: int64 [items].
        item_vector: float32 [items, dimensions].
        item_rank: int64 [items], rank by exposure, from 1.
        item_period: float64 [items], period of the exposure's drift, in seconds.
        item_phase: float64 [items], in [0, 1).
        item_quality: float32 [items], the item's effect on the probabilities after a view.
    """

    seed: int
    centres: Float32s
    user_cluster: Int64s
    user_taste: Float32s
    category_cluster: Int64s
    category_vector: Float32s
    item_category: Int64s
    item_vector: Float32s
    item_rank: Int64s
    item_period: npt.NDArray[np.float64]
    item_phase: npt.NDArray[np.float64]
    item_quality: Float32s

    @classmethod
    def make(
        cls,
        seed: int = 0,
        users: int = 20_000,
        items: int = 1_000,
        clusters: int = 10,
        dimensions: int = 16,
    ) -> Self:
        """A world of these sizes; the same for the same arguments.

        Raises:
            ValueError: a size is below 1, or there are more clusters than items.
        """
        for name, size in (("users", users), ("items", items), ("clusters", clusters)):
            if size < 1:
                raise ValueError(f"{name} must be at least 1, not {size}")
        if clusters > items:
            raise ValueError(f"there are {clusters} clusters, but only {items} items")
        rng = np.random.default_rng([seed, 0])
        categories = clusters * max(1, round(items / clusters / ITEMS_PER_CATEGORY))
        centres = _unit(rng.standard_normal((clusters, dimensions)))
        category_cluster = np.arange(categories) % clusters
        category_vector = _near(rng, centres[category_cluster], 0.7)
        item_category = rng.permutation(np.arange(items) % categories)
        user_cluster = rng.integers(0, clusters, users)
        return cls(
            seed=seed,
            centres=centres,
            user_cluster=user_cluster,
            user_taste=_near(rng, centres[user_cluster], 0.5),
            category_cluster=category_cluster,
            category_vector=category_vector,
            item_category=item_category,
            item_vector=_near(rng, category_vector[item_category], 0.5),
            item_rank=rng.permutation(items) + 1,
            item_period=rng.uniform(3_600.0, 21_600.0, items),
            item_phase=rng.random(items),
            item_quality=rng.normal(0.0, 1.2, items).astype(np.float32),
        )

    @property
    def users(self) -> int:
        """The number of users; their ids are 1 .. users."""
        return len(self.user_taste)

    @property
    def items(self) -> int:
        """The number of items; their ids are 1 .. items."""
        return len(self.item_vector)

    def exposure(self, time: float) -> npt.NDArray[np.float64]:
        """The exposure of each item at a time in epoch seconds: float64 [items], sum 1."""
        turn = time / self.item_period + self.item_phase
        weight = np.exp(-0.9 * np.log(self.item_rank) + np.sin(2 * np.pi * turn))
        return np.asarray(weight / weight.sum())

    def cluster_likes(self) -> npt.NDArray[np.float64]:
        """P(category | cluster) for the page's second part: float64 [clusters, categories]."""
        weight = np.exp(4.0 * (self.centres @ self.category_vector.T).astype(np.float64))
        return np.asarray(weight / weight.sum(axis=1, keepdims=True))

    def funnel(self, affinity: Float32s, item: Int64s) -> Funnel:
        """The probabilities after a view.

        Args:
            affinity: float32, <taste, item>, of any shape.
            item: int64, indices of items, of the same shape.
        """
        drive = 3.0 * affinity + self.item_quality[item]
        return Funnel(
            cart=sigmoid(drive - 5.2),
            fav=sigmoid(drive - 5.6),
            buy=sigmoid(drive - 6.8),
            buy_carted=sigmoid(drive - 3.8),
        )


def sigmoid(logit: Float32s) -> Float32s:
    """The logistic function, element by element."""
    return np.asarray(1.0 / (1.0 + np.exp(-logit)), dtype=np.float32)


def _unit(vectors: npt.NDArray[np.floating]) -> Float32s:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / length, dtype=np.float32)


def _near(rng: np.random.Generator, centres: Float32s, spread: float) -> Float32s:
    """Unit vectors near `centres` [n, d], with noise of about the length `spread`."""
    noise = rng.standard_normal(centres.shape) * (spread / np.sqrt(centres.shape[1]))
    return _unit(centres + noise)
