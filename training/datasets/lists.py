"""Recommended lists as a learner sees them: state, items, rewards, propensities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
Float32s = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class ShownLists:
    """Recommended lists, a row each.

    Attributes:
        histories: int64 [n, w], rows of the item table, the oldest first, left-aligned, padded
            with the unknown item.
        lengths: int64 [n], number of items in each history.
        users: int64 [n], rows of the user table.
        items: int64 [n, k], rows of the item table; the unknown item for one that the table does
            not have, and after a list's last item.
        rewards: float32 [n, k], reward of each item; 0 without an event on it.
        propensities: float32 [n, k], probability with which the item was in the list; 0 where
            unknown.
    """

    histories: Int64s
    lengths: Int64s
    users: Int64s
    items: Int64s
    rewards: Float32s
    propensities: Float32s

    def __len__(self) -> int:
        return len(self.users)

    def take(self, index: npt.NDArray[np.generic] | slice) -> ShownLists:
        """The rows at `index` (positions, a mask or a slice)."""
        return ShownLists(*(getattr(self, name)[index] for name in ShownLists.__slots__))

    @property
    def exploring(self) -> bool:
        """Whether the policy explored: some propensity is below 1."""
        return bool(((self.propensities > 0) & (self.propensities < 1)).any())


def joined(*lists: ShownLists) -> ShownLists:
    """The rows of several, of equal widths, one after the other."""
    columns = ([getattr(each, name) for each in lists] for name in ShownLists.__slots__)
    return ShownLists(*(np.concatenate(column) for column in columns))


def no_lists(width: int) -> ShownLists:
    """No lists, of histories of `width` items."""
    none = np.empty(0, np.int64)
    return ShownLists(
        np.empty((0, width), np.int64),
        none,
        none,
        np.empty((0, 1), np.int64),
        np.empty((0, 1), np.float32),
        np.empty((0, 1), np.float32),
    )
