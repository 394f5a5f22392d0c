"""Ranked lists of items, a row each: what every ranker returns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.columns.id_names import IdNames

Int64s = npt.NDArray[np.int64]

POLICY_BYTES = 64
"""Longest label of a policy, in bytes of UTF-8."""


@dataclass(frozen=True, slots=True, eq=False)
class RankedLists:
    """Ranked lists, a row each.

    Attributes:
        items: int64 [n, k], raw item ids, best first, 0 after the last one.
        length: int64 [n], how many of a row's items are valid.
        propensities: float32 [n, k], the probability with which the policy showed each item:
            1.0 for a deterministic policy, 0 after the last item.
        policy: bytes [n], the label of the model that ranked (UTF-8, at most POLICY_BYTES);
            empty where nothing names it.
        names: the texts of the items; None where they are integers.
    """

    items: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]
    propensities: npt.NDArray[np.float32]
    policy: npt.NDArray[np.bytes_]
    names: IdNames | None = None

    def __len__(self) -> int:
        return len(self.length)

    @classmethod
    def empty(cls, n: int, k: int) -> RankedLists:
        """`n` lists without items, each with room for `k`."""
        return cls(
            np.zeros((n, k), np.int64),
            np.zeros(n, np.int64),
            np.zeros((n, k), np.float32),
            np.zeros(n, f"S{POLICY_BYTES}"),
        )

    @classmethod
    def deterministic(
        cls, items: npt.NDArray[np.int64], length: npt.NDArray[np.int64], policy: bytes = b""
    ) -> RankedLists:
        """Lists of a deterministic policy: each item has the propensity 1.0.

        Args:
            items: int64 [n, k], best first.
            length: int64 [n].
            policy: the label of the model that ranked, for all rows.
        """
        valid = np.arange(items.shape[1]) < length[:, None]
        labels = np.full(len(length), policy[:POLICY_BYTES], f"S{POLICY_BYTES}")
        return cls(items, length, valid.astype(np.float32), labels)

    @classmethod
    def joined(cls, n: int, k: int, parts: Iterable[tuple[Int64s, RankedLists]]) -> RankedLists:
        """`n` lists of `k` places from parts: rows, and their lists."""
        joined = cls.empty(n, k)
        for rows, part in parts:
            joined.items[rows], joined.length[rows] = part.items, part.length
            joined.propensities[rows], joined.policy[rows] = part.propensities, part.policy
        return joined

    def take(self, rows: slice | npt.NDArray[np.generic]) -> RankedLists:
        """The lists at `rows` (positions, a mask or a slice)."""
        return RankedLists(
            self.items[rows],
            self.length[rows],
            self.propensities[rows],
            self.policy[rows],
            self.names,
        )
