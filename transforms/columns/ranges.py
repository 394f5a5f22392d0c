"""Vectorised operations on ranges and on runs of equal values."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from transforms.columns.codec import Column

Int64s = npt.NDArray[np.int64]


def expand_ranges(starts: Int64s, ends: Int64s) -> tuple[Int64s, Int64s]:
    """Lists all positions of many ranges [start, end).

    Args:
        starts: int64 [n], first positions.
        ends: int64 [n], positions after the last ones, each no less than its start.

    Returns:
        (owner, position), int64 [sum of lengths]: the number of the range that a position
        belongs to, and the position.
    """
    lengths = ends - starts
    owner = np.repeat(np.arange(len(starts), dtype=np.int64), lengths)
    before = np.cumsum(lengths) - lengths
    position = np.arange(len(owner), dtype=np.int64) + np.repeat(starts - before, lengths)
    return owner, position


def run_starts(*keys: Column) -> Int64s:
    """The first row of each run of equal keys, for keys that are sorted: int64 [runs]."""
    size = len(keys[0])
    fresh = np.ones(size, bool)
    if size > 1:
        np.not_equal(keys[0][1:], keys[0][:-1], out=fresh[1:])
    for key in keys[1:]:
        fresh[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(fresh)


def union(first: Int64s, second: Int64s) -> Int64s:
    """The distinct values of two ascending columns, ascending: int64 [n]."""
    both = np.concatenate((first, second))
    both.sort(kind="stable")  # Merges two runs; np.union1d hashes.
    return both[run_starts(both)]


def runs(keys: Int64s) -> Iterator[tuple[int, slice]]:
    """Yields each run of equal keys in sorted `keys` as (key, slice)."""
    starts = run_starts(keys)
    ends = np.append(starts, len(keys))[1:]
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        yield int(keys[start]), slice(start, end)
