"""Exploration by hand, with exact inclusion probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simulation.responsive.keyed import Purpose, uniforms

Int64s = npt.NDArray[np.int64]
Float32s = npt.NDArray[np.float32]


@dataclass(frozen=True)
class LastPlaces:
    """Fills the last places of a list at random.

    The first `size - places` items are the best ones. In a share of the lists, the other places are
    a sample without replacement of the next `pool` best ones, all subsets alike, so that each of
    them is in such a list with probability places / pool. The other lists have the best items.
    Draws are keyed by user, time and item.

    Attributes:
        size: items in a list.
        places: places that are drawn; 0 for none.
        pool: items that they are drawn from.
        seed: seed of the draws.
        share: share of the lists that are drawn.
    """

    size: int
    places: int
    pool: int
    seed: int
    share: float = 1.0

    @property
    def depth(self) -> int:
        """How many of the best items are needed."""
        return self.size - self.places + (self.pool if self.places else 0)

    def lists(self, users: Int64s, times: Int64s, best: Int64s) -> tuple[Int64s, Float32s]:
        """Lists and their items' probabilities.

        Args:
            users: int64 [n], ids.
            times: int64 [n], seconds since the epoch.
            best: int64 [n, depth], ids of items, the best first.

        Returns:
            int64 [n, size] and float32 [n, size].
        """
        first = self.size - self.places
        chance = np.ones((len(users), self.size), np.float32)
        if not self.places:
            return best[:, : self.size], chance
        pool = best[:, first : self.depth]
        draw = uniforms(self.seed, Purpose.EXPLORE, users[:, None], times[:, None], pool)
        # The smallest draws are a uniform sample; their order in the list is that of the policy.
        chosen = np.sort(np.argsort(draw, axis=1)[:, : self.places], axis=1)
        coin = uniforms(self.seed, Purpose.EXPLORE, users, times, np.zeros_like(users))
        chosen = np.where((coin < self.share)[:, None], chosen, np.arange(self.places))
        evenly = self.share * self.places / pool.shape[1]
        chance[:, first:] = evenly + (1 - self.share) * (chosen < self.places)
        return np.hstack([best[:, :first], np.take_along_axis(pool, chosen, axis=1)]), chance
