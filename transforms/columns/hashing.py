"""A stable hash of ids: equal in every process, on every machine, in every version."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Uint64s = npt.NDArray[np.uint64]


def mix(ids: npt.NDArray[np.int64]) -> Uint64s:
    """SplitMix64's finaliser of each id (Steele, Lea and Flood, 2014): uint64 [n]."""
    with np.errstate(over="ignore"):
        z = ids.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed: Uint64s = z ^ (z >> np.uint64(31))
    return mixed


def shard_of(users: npt.NDArray[np.int64], shards: int) -> npt.NDArray[np.int64]:
    """The shard of each user, in [0, shards): int64 [n]."""
    return (mix(users) % np.uint64(shards)).astype(np.int64)
