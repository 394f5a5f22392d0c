"""Linear Thompson sampling on a few features of user, history and item: the bandit to beat.

The reward of an item in a list is modelled as theta . phi + normal noise, with a normal prior
(Agrawal and Goyal, ICML 2013). Each list draws one theta of the posterior, keyed by the seed and
the number of the draw, and shows the items of the largest theta . phi. The features are

    1, affinity, momentum, popularity, affinity x momentum, and one of each item's category

with affinity the inner product of the user's and the item's vectors, and momentum that of the mean
vector of the history and the item's. Vectors are a truncated singular value decomposition of the
users' events before the first list. Categories are known to a shop.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from transforms.messages.events import EventBatch

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

DIMENSIONS = 12
NOISE = 1.0
PLAIN = 5


class Thompson:
    """Linear Thompson sampling.

    Args:
        events: events of the users before the first list.
        users: number of users; ids are 1 .. users.
        items: number of items; ids are 1 .. items.
        categories: int64 [items], category of each item.
        seed: seed of the draws.
    """

    def __init__(
        self, events: EventBatch, users: int, items: int, categories: Int64s, seed: int
    ) -> None:
        counts = np.zeros((users, items))
        np.add.at(counts, (events.user - 1, events.item - 1), 1.0)
        counts = np.log1p(counts)
        left, strength, right = np.linalg.svd(counts, full_matrices=False)
        size = min(DIMENSIONS, len(strength))
        root = np.sqrt(strength[:size])
        self._users = _unit(left[:, :size] * root)
        self._items = _unit(right[:size].T * root)
        popular = np.log1p(counts.sum(axis=0))
        self._popular = (popular - popular.mean()) / (popular.std() or 1.0)
        self._categories = categories
        size = PLAIN + int(categories.max()) + 1
        self._precision, self._weighted = np.eye(size), np.zeros(size)
        self._rng = np.random.default_rng([seed, 11])

    def best(self, users: Int64s, histories: Int64s, size: int, draw: bool = True) -> Int64s:
        """The best items of each user, int64 [n, size], ids, none of the history.

        Args:
            users: int64 [n], ids.
            histories: int64 [n, h], ids, 0 for none.
            size: items in a list.
            draw: whether to draw theta; otherwise it is the posterior's mean.
        """
        theta = np.linalg.solve(self._precision, self._weighted)
        if draw:
            root = np.linalg.cholesky(np.linalg.inv(self._precision))
            noise = self._rng.standard_normal((len(users), len(theta)))
            thetas = theta + NOISE * noise @ root.T
        else:
            thetas = np.tile(theta, (len(users), 1))
        everything = np.broadcast_to(
            np.arange(1, len(self._items) + 1), (len(users), len(self._items))
        )
        plain = self._plain(users, histories, everything)
        score = np.einsum("nkf,nf->nk", plain, thetas[:, :PLAIN])
        score += thetas[:, PLAIN + self._categories]
        row, place = np.nonzero(histories)
        score[row, histories[row, place] - 1] = -np.inf
        return np.argsort(-score, axis=1, kind="stable")[:, :size] + 1

    def learn(self, users: Int64s, histories: Int64s, lists: Int64s, rewards: Float64s) -> None:
        """Adds lists [n, k] and the rewards of their items to the posterior."""
        plain = self._plain(users, histories, lists).reshape(-1, PLAIN)
        features = np.zeros((len(plain), len(self._weighted)))
        features[:, :PLAIN] = plain
        category = self._categories[lists.ravel() - 1]
        features[np.arange(len(features)), PLAIN + category] = 1.0
        self._precision += features.T @ features / NOISE**2
        self._weighted += features.T @ rewards.ravel() / NOISE**2

    def _plain(self, users: Int64s, histories: Int64s, lists: Int64s) -> Float64s:
        item = self._items[lists - 1]
        real = histories > 0
        recent = np.where(real[..., None], self._items[histories - 1], 0.0)
        mean = recent.sum(axis=1) / np.maximum(real.sum(axis=1), 1)[:, None]
        affinity = np.einsum("nkd,nd->nk", item, self._users[users - 1])
        momentum = np.einsum("nkd,nd->nk", item, mean)
        one, popular = np.ones_like(affinity), self._popular[lists - 1]
        return np.stack([one, affinity, momentum, popular, affinity * momentum], axis=2)


def _unit(vectors: Float64s) -> Float64s:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(length > 0, length, 1.0))
