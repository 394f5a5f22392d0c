"""Ranked lists of items, a row each: what every ranker returns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from transforms.columns.id_names import IdNames
from transforms.messages.new_items import NewPlaces

Int64s = npt.NDArray[np.int64]

POLICY_BYTES = 64
"""Longest label of a policy, in bytes of UTF-8."""


@dataclass(frozen=True, slots=True, eq=False)
class RankedLists:
    """Ranked lists, a row each.

    Attributes:
        items: int64 [n, k], raw item ids, best first, 0 after the last one.
        length: int64 [n], how many of a row's items are valid.
        propensities: float32 [n, k], the probability with which each item is in its list:
            1.0 for a deterministic policy, 0 after the last item.
        policy: bytes [n], the label of the model that ranked (UTF-8, at most POLICY_BYTES);
            empty where nothing names it.
        names: the texts of the items; None where they are integers.
        scores: float64 [n, k], the items' scores, descending, for exploration; None where nobody
            asked for them.
        pool: longer lists of some rows, for exploration; None for none.
        pool_row: int64 [n], each row's list in `pool`; -1 for none.
        new: items that the model does not know, for some places of the lists; None where nobody
            asked for them.
    """

    items: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]
    propensities: npt.NDArray[np.float32]
    policy: npt.NDArray[np.bytes_]
    names: IdNames | None = None
    scores: npt.NDArray[np.float64] | None = None
    pool: RankedLists | None = None
    pool_row: Int64s | None = None
    new: NewPlaces | None = None

    def __len__(self) -> int:
        return len(self.length)

    @classmethod
    def empty(cls, n: int, k: int, scored: bool = False, new: int = 0) -> RankedLists:
        """`n` lists without items, each with room for `k`, and where `scored` for scores.

        Args:
            n: how many lists.
            k: places of a list.
            scored: whether they have scores.
            new: room for new items.
        """
        return cls(
            np.zeros((n, k), np.int64),
            np.zeros(n, np.int64),
            np.zeros((n, k), np.float32),
            np.zeros(n, f"S{POLICY_BYTES}"),
            scores=np.zeros((n, k)) if scored else None,
            new=NewPlaces.empty(n, new) if new else None,
        )

    @classmethod
    def deterministic(
        cls,
        items: npt.NDArray[np.int64],
        length: npt.NDArray[np.int64],
        policy: bytes = b"",
        scores: npt.NDArray[np.float64] | None = None,
    ) -> RankedLists:
        """Lists of a deterministic policy: each item has the propensity 1.0.

        Args:
            items: int64 [n, k], best first.
            length: int64 [n].
            policy: the label of the model that ranked, for all rows.
            scores: float64 [n, k], of the items; None where nobody asked for them.
        """
        valid = np.arange(items.shape[1]) < length[:, None]
        labels = np.full(len(length), policy[:POLICY_BYTES], f"S{POLICY_BYTES}")
        return cls(items, length, valid.astype(np.float32), labels, scores=scores)

    @classmethod
    def joined(
        cls,
        n: int,
        k: int,
        parts: Iterable[tuple[Int64s, RankedLists]],
        scored: bool = False,
        new: int = 0,
    ) -> RankedLists:
        """`n` lists of `k` places from parts: rows, and their lists. As `empty`."""
        joined = cls.empty(n, k, scored, new)
        names: list[IdNames | None] = []
        for rows, part in parts:
            joined.put(rows, part)
            names.append(part.names)
        return replace(joined, names=IdNames.merged(names))

    def take(self, rows: slice | npt.NDArray[np.generic]) -> RankedLists:
        """The lists at `rows` (positions, a mask or a slice)."""
        return RankedLists(
            self.items[rows],
            self.length[rows],
            self.propensities[rows],
            self.policy[rows],
            self.names,
            None if self.scores is None else self.scores[rows],
            self.pool,
            None if self.pool_row is None else self.pool_row[rows],
            None if self.new is None else self.new.take(rows),
        )

    def put(self, rows: npt.NDArray[np.int64], lists: RankedLists) -> None:
        """Writes lists, which are at most as long as these, over those at `rows`; without names."""
        k = lists.items.shape[1]
        self.items[rows, :k], self.length[rows] = lists.items, lists.length
        self.propensities[rows, :k], self.policy[rows] = lists.propensities, lists.policy
        if self.scores is not None and lists.scores is not None:
            self.scores[rows, :k] = lists.scores
        if self.new is not None and lists.new is not None:
            self.new.put(rows, lists.new)

    def cut(self, k: int) -> RankedLists:
        """The first `k` items of each list alone; a copy where lists are longer."""
        if self.items.shape[1] <= k:
            return replace(self, scores=None, pool=None, pool_row=None)
        return RankedLists(
            self.items[:, :k].copy(),
            np.minimum(self.length, k),
            self.propensities[:, :k].copy(),
            self.policy,
            self.names,
            new=self.new,
        )
