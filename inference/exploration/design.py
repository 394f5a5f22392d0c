"""Which candidates a list includes: given probabilities, drawn without replacement.

A list has p open places and m candidates, best first. Each design gives every candidate a
probability of inclusion; in each row they have the sum p.

- epsilon: the best p candidates have 1 - e + e p/m, the others e p/m: with the share e the places
  are filled evenly from all candidates.
- softmax: proportional to exp(score / t), at most 1; what is above 1 is distributed over the other
  candidates (probability proportional to size; Tillé, "Sampling Algorithms", 2006, section 2.10).

`systematic` then draws p candidates with exactly these probabilities: systematic sampling (Madow,
"On the theory of systematic sampling, II", Ann. Math. Statist. 20, 1949) in a random order
(Goodman and Kish, "Controlled selection", JASA 45, 1950), which keeps the probabilities and lets
most pairs occur together.

Probabilities are whole numbers of `ONE`ths, so that sums are exact. Scores are turned into
probabilities by additions, multiplications and divisions alone, whose rounding IEEE 754 fixes: all
machines compute equal numbers.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from inference.exploration.keyed import numbers
from inference.exploration.limits import MAX_CANDIDATES
from transforms.columns.hashing import Uint64s

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

_BITS = 40
ONE = 1 << _BITS
"""The probability 1."""

_LOG2E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 0.6931471803691238, 1.9082149292705877e-10
_LOWEST = -700.0
_TERMS = [1.0 / math.factorial(power) for power in range(12, -1, -1)]
"""Of exp's Taylor series: the error is below 1e-14 for up to ln(2) / 2."""


def epsilon(candidates: Int64s, width: int, places: int, share: float) -> Int64s:
    """Inclusion probabilities of the epsilon design.

    Args:
        candidates: int64 [n], how many candidates each row has, at least `places`.
        width: columns of the result.
        places: p, the open places.
        share: e, from 0 to 1.

    Returns:
        int64 [n, width], in `ONE`ths; each row has the sum `places * ONE`.
    """
    column = np.arange(width)
    distinct, row = np.unique(candidates, return_inverse=True)
    evenly = share * places / distinct[:, None]
    chance = np.where(column < places, (1.0 - share) + evenly, evenly)
    return _whole(np.where(column < distinct[:, None], chance, 0.0), places)[row]


def softmax(scores: Floats, candidates: Int64s, places: int, temperature: float) -> Int64s:
    """Inclusion probabilities of the softmax design.

    Args:
        scores: float64 [n, m], descending in each row; values beyond `candidates` are ignored.
        candidates: int64 [n], how many candidates each row has, at least `places`.
        places: p, the open places.
        temperature: t, above 0, in units of the scores.

    Returns:
        int64 [n, m], in `ONE`ths; each row has the sum `places * ONE`.
    """
    n, width = scores.shape
    chance = np.zeros((n, width))
    certain = np.zeros(n, np.int64)
    column = np.arange(width)
    open_rows = np.arange(n)
    # Scores descend, so that the candidates whose probability reaches 1 are the first ones. Each
    # pass adds at least one of them or is the row's last.
    for _ in range(places):
        of_row, first = scores[open_rows], certain[open_rows, None]
        best = np.take_along_axis(of_row, first, axis=1)
        weight = exponential(np.clip((of_row - best) / temperature, _LOWEST, 0.0))
        weight *= (column >= first) & (column < candidates[open_rows, None])
        # cumsum adds from left to right everywhere; sum may add in any order.
        total = np.cumsum(weight, axis=1)[:, -1:]
        scaled = weight * ((places - first) / total)
        reached = (scaled >= 1.0).sum(axis=1)
        chance[open_rows] = np.where(column < first, 1.0, scaled)
        certain[open_rows] += reached
        open_rows = open_rows[(reached > 0) & (certain[open_rows] < places)]
        if not len(open_rows):
            break
    full = certain == places
    chance[full] = column < places
    return _whole(np.minimum(chance, 1.0), places)


def _whole(chance: Floats, places: int) -> Int64s:
    """Rounds probabilities to `ONE`ths whose sum is exact."""
    whole = np.rint(chance * ONE).astype(np.int64)
    rest = places * ONE - whole.sum(axis=1)
    rows = np.flatnonzero(rest)
    if len(rows):
        # What rounding left over goes to the candidate that it changes least.
        part = whole[rows]
        is_open = (part > 0) & (part < ONE)
        room = np.where(is_open, np.where(rest[rows, None] < 0, part, ONE - part), -1)
        whole[rows, room.argmax(axis=1)] += rest[rows]
    return whole


def systematic(inclusion: Int64s, seed: Uint64s) -> Bools:
    """Draws candidates: each with its probability, and in each row as many as the sum says.

    Args:
        inclusion: int64 [n, m], in `ONE`ths; each row's sum is a multiple of `ONE`. m is at most
            MAX_CANDIDATES.
        seed: uint64 [n], of each row's random numbers.

    Returns:
        bool [n, m], which candidates were drawn.
    """
    width = inclusion.shape[1]
    random = numbers(seed, 1 + (width + 1) // 2)
    start = (random[:, :1] >> np.uint64(64 - _BITS)).astype(np.int64)
    # Two keys of 32 bits from each number. A key's low bits are the candidate: sorting the keys
    # puts the candidates in a random order.
    low = np.uint32(MAX_CANDIDATES - 1)
    halves = np.ascontiguousarray(random[:, 1:]).astype("<u8", copy=False).view("<u4")
    keys = (halves[:, :width] & ~low) | np.arange(width, dtype=np.uint32)
    keys.sort(axis=1)
    order = (keys & low).astype(np.int64)
    # The probabilities in this order divide a line; the points start, start + ONE, start + 2 ONE ..
    # each draw the candidate of their part.
    ends = np.cumsum(np.take_along_axis(inclusion, order, axis=1), axis=1)
    points = (ends - start + (ONE - 1)) >> _BITS
    drawn = np.empty(inclusion.shape, bool)
    np.put_along_axis(drawn, order, np.diff(points, axis=1, prepend=0) > 0, axis=1)
    return drawn


def exponential(x: Floats) -> Floats:
    """exp(x) for x in [-700, 0], to 1e-13, equal on all machines (libraries differ in a bit).

    Args:
        x: float64 of any shape.
    """
    power = np.rint(x * _LOG2E)
    rest = (x - power * _LN2_HIGH) - power * _LN2_LOW
    found = np.full_like(rest, _TERMS[0])
    for term in _TERMS[1:]:
        found *= rest
        found += term
    return np.ldexp(found, power.astype(np.int32))
