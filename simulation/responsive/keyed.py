"""Random numbers that depend on their keys alone.

A number is a hash of (seed, purpose, user, time, item), so that it does not depend on the order or
the grouping in which users are simulated, nor on the lists of others. The hash is splitmix64's
finaliser (`transforms.columns.hashing`), chained over the keys.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from transforms.columns.hashing import mix

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]


class Purpose(IntEnum):
    """What a random number decides; each has numbers of its own."""

    LOOK = 1
    VIEW = 2
    CART = 3
    FAV = 4
    BUY = 5
    LATER = 6
    DELAY = 7
    LEAVE = 8
    GO_ON = 9
    DRIFT = 10
    EXPLORE = 11


def uniforms(seed: int, purpose: Purpose, *keys: Int64s) -> Float64s:
    """Numbers in [0, 1) of the keys.

    Args:
        seed: the seed.
        purpose: what the numbers decide.
        keys: int64 arrays that are broadcast to one shape, which is the result's.
    """
    state = np.array([seed], np.int64)
    for key in (np.array([purpose], np.int64), *keys):
        state = (mix(state) ^ np.asarray(key, np.int64).view(np.uint64)).view(np.int64)
    return np.asarray((mix(state) >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def exponentials(seed: int, purpose: Purpose, *keys: Int64s) -> Float64s:
    """Exponentially distributed numbers of mean 1 of the keys; see `uniforms`."""
    return np.asarray(-np.log1p(-uniforms(seed, purpose, *keys)))
