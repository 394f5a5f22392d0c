"""Random numbers that are a function of a key: the same in every process, order and batch.

SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014):
number i of the stream with seed s is the finaliser of s + (i + 1) gamma. It can be computed for any
i without those before it, so that no generator has a state. The seed of a stream is a hash of the
values that name it.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from transforms.columns.hashing import Uint64s, mix

_GAMMA = np.uint64(0x9E3779B97F4A7C15)


def seeds(*values: npt.NDArray[np.integer] | int) -> Uint64s:
    """A seed for each row of values.

    Args:
        values: integers, or columns of integers [n]; all 64 bits count, and so does the order.

    Returns:
        uint64 [n].
    """
    seed: Uint64s = np.zeros(1, np.uint64)
    for value in values:
        column = np.atleast_1d(np.asarray(value)).astype(np.int64, copy=False).view(np.uint64)
        seed = mix((seed ^ column).view(np.int64))
    return seed


def numbers(seed: Uint64s, count: int) -> Uint64s:
    """The first numbers of each stream.

    Args:
        seed: uint64 [n], what `seeds` returned.
        count: how many.

    Returns:
        uint64 [n, count], uniform over all values.
    """
    with np.errstate(over="ignore"):
        steps = np.arange(count, dtype=np.uint64) * _GAMMA
        return mix((seed[:, None] + steps).view(np.int64))


def hash_of_text(text: bytes) -> int:
    """A hash of a text as an int64, for `seeds`."""
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little", signed=True)
