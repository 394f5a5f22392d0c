"""Exploration, a list at a time: random numbers, probabilities and draws in plain Python."""

import hashlib
import math
from collections import Counter
from fractions import Fraction
from itertools import permutations

MASK = (1 << 64) - 1
GAMMA = 0x9E3779B97F4A7C15
ONE = 1 << 40


def mix(value: int) -> int:
    """SplitMix64: the first number of the stream with this seed."""
    z = (value + GAMMA) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def seed_of(*values: int) -> int:
    seed = 0
    for value in values:
        seed = mix(seed ^ (value & MASK))
    return seed


def text_hash(text: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def explores(user: int, share: float, seed: int) -> bool:
    place = seed_of(text_hash(b"explore users"), seed, user) >> 11
    return place < share * 2**53


def list_seed(user: int, time: int, policy: bytes, seed: int) -> int:
    return seed_of(text_hash(b"explore lists"), seed, text_hash(policy), user, time)


def epsilon(candidates: int, places: int, share: float) -> list[float]:
    evenly = share * places / candidates
    return [1.0 - share + evenly if rank < places else evenly for rank in range(candidates)]


def softmax(scores: list[float], places: int, temperature: float) -> list[float]:
    """Proportional to exp(score / t); what is above 1 is distributed over the others."""
    certain = 0
    while True:
        rest = scores[certain:]
        weights = [math.exp((score - rest[0]) / temperature) for score in rest]
        factor = (places - certain) / sum(weights)
        chances = [1.0] * certain + [weight * factor for weight in weights]
        reached = sum(chance >= 1.0 for chance in chances)
        if reached == certain:
            return chances
        certain = reached
        if certain >= places:
            return [1.0] * places + [0.0] * (len(scores) - places)


def whole(chances: list[float], places: int) -> list[int]:
    """In ONEths, with the sum `places`: the rounding's rest goes where the room is largest."""
    found = [round(chance * ONE) for chance in chances]
    rest = places * ONE - sum(found)
    room = [(part if rest < 0 else ONE - part) if 0 < part < ONE else -1 for part in found]
    found[room.index(max(room))] += rest
    return found


def drawn_in(order: list[int], inclusion: list[int], start: int) -> list[int]:
    """Systematic sampling: whose part of the line has one of start, start + ONE, .. ."""
    found, end = [], 0
    for candidate in order:
        begin, end = end, end + inclusion[candidate]
        point = start + -(-(begin - start) // ONE) * ONE
        if begin <= point < end:
            found.append(candidate)
    return sorted(found)


def systematic(inclusion: list[int], seed: int) -> list[int]:
    """The candidates that this seed draws."""
    size = len(inclusion)
    random = [mix((seed + place * GAMMA) & MASK) for place in range(1 + (size + 1) // 2)]
    halves = [half for number in random[1:] for half in (number & 0xFFFFFFFF, number >> 32)]
    keys = sorted((half >> 10 << 10) | place for place, half in enumerate(halves[:size]))
    return drawn_in([key & 1023 for key in keys], inclusion, random[0] >> 24)


def sample_probabilities(inclusion: list[int]) -> dict[tuple[int, ...], Fraction]:
    """The probability of each sample: all orders, and all starts between two bounds at once."""
    found: Counter[tuple[int, ...]] = Counter()
    orders = list(permutations(range(len(inclusion))))
    for order in orders:
        ends = [0]
        for candidate in order:
            ends.append(ends[-1] + inclusion[candidate])
        bounds = sorted({end % ONE for end in ends} | {ONE})
        for begin, end in zip([0, *bounds], bounds, strict=False):
            if end > begin:
                found[tuple(drawn_in(list(order), inclusion, begin))] += end - begin
    return {sample: Fraction(size, ONE * len(orders)) for sample, size in found.items()}


def explored_list(
    pool: list[int], inclusion: list[int], size: int, places: int, seed: int
) -> tuple[list[int], list[float]]:
    """The list and its propensities."""
    fixed = size - places
    chosen = systematic(inclusion, seed)
    items = pool[:fixed] + [pool[fixed + place] for place in chosen]
    return items, [1.0] * fixed + [inclusion[place] / ONE for place in chosen]
