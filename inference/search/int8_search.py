"""The k best of very many items: 8-bit products say where they may be, exact ones which they are.

Items and queries are rounded once more, to 8 bits a coordinate. With e = c + S (ê + ε), ê whole
and S diagonal, and S q = t q̂ + r, an item's score is

    q'e = q'c + t q̂'ê + r'ê + (S q)'ε,

of which t q̂'ê is what the processor's 8-bit units make, and the rest is at most
δ = |r| max|ê| + |S q| max|ε|, by Cauchy and Schwarz. The maxima of q̂'ê over groups of items lead to
some good items; the exact score of the k-th of them, less δ, is what any other group's
maximum must reach to be looked at. So the answer is exact, whatever the items are; where too many
groups would have to be looked at (all items alike), exact maxima are made instead.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from inference.search.blocks import CHUNK, ItemBlocks
from inference.search.quantize import NEVER, keys_of, largest, rows_and_scores

_LEVELS = 127
_GROUP = 16
_SUPER = 32
_IN_CHUNK = CHUNK // _GROUP
_FIRST_EXCLUDED = 16
_MOST_SUPERS = 1 << 9
_PAIRS = 1 << 10
_LOWEST = torch.iinfo(torch.int32).min

# Nothing public multiplies bytes into int32.
_int_mm = torch._int_mm  # noqa: SLF001


@cache
def has_exact_bytes() -> bool:
    """Whether this processor's products of bytes are exact.

    Without instructions of its own for them the sums of two products may be cut to 16 bits.
    """
    left, right = _most_extreme_bytes()
    try:
        return bool(torch.equal(_int_mm(left, right.T).float(), left.float() @ right.float().T))
    except RuntimeError:
        return False


@cache
def has_fast_bytes() -> bool:
    """Whether this processor multiplies bytes exactly, and faster than floats.

    The speed is measured, so a busy machine may answer either way: it decides how the best items
    are searched for, never which they are.
    """
    if not has_exact_bytes():
        return False
    left, right = _most_extreme_bytes()
    floats = left.float(), right.float().T
    # In turns, so that what else the machine does slows both.
    pairs = [
        (_seconds(lambda: _int_mm(left, right.T)), _seconds(lambda: floats[0] @ floats[1]))
        for _ in range(9)
    ]
    of_bytes, of_floats = (min(times) for times in zip(*pairs, strict=True))
    return bool(of_bytes < of_floats)


def _most_extreme_bytes() -> tuple[Tensor, Tensor]:
    left = torch.full((64, 36), _LEVELS, dtype=torch.int8)
    left[1::2] = -_LEVELS
    right = torch.full((CHUNK, 36), _LEVELS, dtype=torch.int8)
    right[:, 1::2] *= (torch.arange(CHUNK)[:, None] % 2 * 2 - 1).to(torch.int8)
    return left, right


def _seconds(work: Callable[[], Tensor]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


class Int8Search:
    """Items in 8 bits, and as they are.

    Args:
        grid: float32 [p, d], items on the grid; p is a multiple of CHUNK.
        rows: the items' number, below p.
        otherwise: gives the keys of rows for which too many groups would have to be looked at.
    """

    block = 128

    def __init__(
        self, grid: Tensor, rows: int, otherwise: Callable[[Tensor, int, Tensor | None], Tensor]
    ) -> None:
        self._otherwise = otherwise
        items, dim = grid[:rows], grid.shape[1]
        self._centre = ((items.amin(0) + items.amax(0)) / 2).floor().double()
        reach = torch.maximum(items.amax(0) - self._centre, self._centre - items.amin(0))
        self._steps = reach.clamp_min(1e-9) / _LEVELS
        chunks = len(grid) // CHUNK
        self._width = -(-dim // 4) * 4
        codes = torch.zeros((chunks * CHUNK, self._width), dtype=torch.int8)
        self._longest_code = self._largest_loss = 0.0
        for start in range(0, rows, CHUNK):
            exact = (items[start : start + CHUNK] - self._centre) / self._steps
            code = exact.round()
            codes[start : start + len(code), :dim] = code.to(torch.int8)
            self._longest_code = max(self._longest_code, _longest(code))
            self._largest_loss = max(self._largest_loss, _longest(exact - code))
        # What is no item has a code of one, so that it raises no maximum.
        codes[rows:] = codes[0]
        # In a chunk the first items of its groups stand first, then the second ones, and so on:
        # maxima are then those of whole vectors.
        parts = codes.view(chunks, _IN_CHUNK, _GROUP, self._width).transpose(1, 2)
        self._codes = parts.reshape(chunks, CHUNK, self._width).transpose(1, 2)
        self._groups = ItemBlocks(grid, rows, _GROUP)
        self._own = threading.local()

    def keys(self, queries: Tensor, k: int, excluded: Tensor | None) -> Tensor:
        """Keys of the k best, in falling order."""
        coded, unit, slack = self._coded(queries)
        maxima, supers = self._maxima(coded)
        count = k if excluded is None else k + min(excluded.shape[1], _FIRST_EXCLUDED)
        chosen = _best_groups(maxima, supers, count)
        keys = self._groups.best(queries, chosen, k, excluded)
        _, score = rows_and_scores(keys[:, -1])
        least = (score - queries.double() @ self._centre - slack) / unit - 1
        reaching = supers >= least[:, None]
        hopeless = (score == NEVER) | (reaching.sum(dim=1) > _MOST_SUPERS)
        reaching[hopeless] = False
        maxima.scatter_(1, chosen, _LOWEST)
        user, group = _groups_of(reaching, maxima, least)
        keys = self._more(queries, keys, user, group, excluded)
        if hopeless.any():
            barred = None if excluded is None else excluded[hopeless]
            keys[hopeless] = self._otherwise(queries[hopeless], k, barred)
        return keys

    def _coded(self, queries: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries in 8 bits [n, width], t and delta (float64 [n]) as above."""
        stretched = queries.double() * self._steps
        unit = stretched.abs().amax(dim=1).clamp_min(1e-30) / _LEVELS
        code = (stretched / unit[:, None]).round()
        rest = (stretched - code * unit[:, None]).norm(dim=1)
        slack = rest * self._longest_code + stretched.norm(dim=1) * self._largest_loss
        coded = torch.zeros((len(queries), self._width), dtype=torch.int8)
        coded[:, : code.shape[1]] = code.to(torch.int8)
        # What float64 itself may lose is far below a millionth.
        return coded, unit, slack * (1 + 1e-6)

    def _maxima(self, coded: Tensor) -> tuple[Tensor, Tensor]:
        """The largest product of each group, and of each 32 groups (column s, s + S, ...)."""
        n = len(coded)
        maxima, products = (kept[:n] for kept in self._scratch())
        for codes, part in zip(self._codes, torch.split(maxima, _IN_CHUNK, dim=1), strict=True):
            _int_mm(coded, codes, out=products)
            torch.amax(products.view(n, _GROUP, _IN_CHUNK), dim=1, out=part)
        return maxima, maxima.view(n, _SUPER, -1).amax(dim=1)

    def _scratch(self) -> tuple[Tensor, Tensor]:
        """Memory of the thread's own: to ask for it anew takes as long as to multiply."""
        if not hasattr(self._own, "scratch"):
            self._own.scratch = (
                torch.empty((self.block, len(self._codes) * _IN_CHUNK), dtype=torch.int32),
                torch.empty((self.block, CHUNK), dtype=torch.int32),
            )
        return self._own.scratch  # type: ignore[no-any-return]

    def _more(
        self, queries: Tensor, keys: Tensor, user: Tensor, group: Tensor, excluded: Tensor | None
    ) -> Tensor:
        """The k best of those of `keys` and of the items in more groups, `user` rising."""
        users, found = [], []
        for start in range(0, len(user), _PAIRS):
            who, where = user[start : start + _PAIRS], group[start : start + _PAIRS]
            more, rows = self._groups.keys(queries[who], where)
            better = more > keys[who, -1:]
            if excluded is not None:
                pair, member = better.nonzero(as_tuple=True)
                barred = (excluded[who[pair]] == rows[pair, member, None]).any(dim=1)
                better[pair[barred], member[barred]] = False
            users.append(who[better.nonzero(as_tuple=True)[0]])
            found.append(more[better])
        if not users:
            return keys
        at = torch.cat(users)
        counts = torch.bincount(at, minlength=len(keys))
        place = torch.arange(len(at)) - (counts.cumsum(0) - counts)[at]
        longer = keys.new_full((len(keys), keys.shape[1] + int(counts.max())), -torch.inf)
        longer[:, : keys.shape[1]] = keys
        longer[at, keys.shape[1] + place] = torch.cat(found)
        return largest(longer, keys.shape[1])


def _longest(vectors: Tensor) -> float:
    return float(vectors.square().sum(dim=1).max().sqrt())


def _best_groups(maxima: Tensor, supers: Tensor, count: int) -> Tensor:
    """The groups with the largest maxima, int64 [n, count]."""
    total = supers.shape[1]
    chosen, _ = rows_and_scores(largest(keys_of(supers, torch.arange(total)), count))
    columns = (chosen[:, None] + torch.arange(_SUPER)[:, None] * total).flatten(1)
    return rows_and_scores(largest(keys_of(maxima.gather(1, columns), columns), count))[0]


def _groups_of(reaching: Tensor, maxima: Tensor, least: Tensor) -> tuple[Tensor, Tensor]:
    """Users and groups whose maximum is at least the user's `least`, users rising.

    Args:
        reaching: bool [n, s], where to look.
        maxima: int32 [n, 32 s].
        least: float64 [n].
    """
    user, first = reaching.nonzero(as_tuple=True)
    groups = first[:, None] + torch.arange(_SUPER) * reaching.shape[1]
    pair, member = (maxima[user[:, None], groups] >= least[user, None]).nonzero(as_tuple=True)
    return user[pair], groups[pair, member]
