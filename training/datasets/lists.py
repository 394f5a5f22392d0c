"""Recommended lists as a learner sees them: state, items, rewards, propensities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
Float32s = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class ShownLists:
    """Recommended lists, a row each.

    The columns after `until` are those of lists on their own, until
    `training.datasets.coming_lists` fills them in.

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
        times: int64 [n], seconds since the epoch; 0 where nobody needs them.
        decided: bool [n], whether a policy decided the list; False for lists of popular items.
        until: int64 [n], the time up to which the log has the user's lists.
        future: float32 [n], the discounted rewards of the user's coming lists.
        next_histories: int64 [n, w], the history at the user's next list; its own without one.
        next_lengths: int64 [n], number of items in each.
        discount: float32 [n], what the value of the next list counts; 0 without one.
        cut: bool [n], whether the log ends before the user's next list, which is no terminal: a
            value of the next state is unknown. False where it does not count.
        credit: float32 [n, k], what of the coming rewards an item of the list is due: all of
            `future`, or a part (`training.algorithms.slate_credit`).
    """

    histories: Int64s
    lengths: Int64s
    users: Int64s
    items: Int64s
    rewards: Float32s
    propensities: Float32s
    times: Int64s
    decided: Bools
    until: Int64s
    future: Float32s
    next_histories: Int64s
    next_lengths: Int64s
    discount: Float32s
    cut: Bools
    credit: Float32s

    @staticmethod
    def of(
        histories: Int64s,
        lengths: Int64s,
        users: Int64s,
        items: Int64s,
        rewards: Float32s,
        propensities: Float32s,
        times: Int64s | None = None,
        decided: Bools | None = None,
    ) -> ShownLists:
        """Lists on their own, by default decided by a policy; arguments as in the class."""
        n = len(users)
        time = np.zeros(n, np.int64) if times is None else times
        return ShownLists(
            histories=histories,
            lengths=lengths,
            users=users,
            items=items,
            rewards=rewards,
            propensities=propensities,
            times=time,
            decided=np.ones(n, bool) if decided is None else decided,
            until=np.full(n, time.max(initial=0)),
            future=np.zeros(n, np.float32),
            next_histories=histories,
            next_lengths=lengths,
            discount=np.zeros(n, np.float32),
            cut=np.zeros(n, bool),
            credit=np.zeros_like(rewards),
        )

    def __len__(self) -> int:
        return len(self.users)

    def take(self, index: npt.NDArray[np.generic] | slice) -> ShownLists:
        """The rows at `index` (positions, a mask or a slice)."""
        return ShownLists(*(getattr(self, name)[index] for name in ShownLists.__slots__))

    @property
    def explored(self) -> Bools:
        """Whether something in a list was drawn, so that its propensities are a support; bool [n].

        Where nothing was drawn the list is all that could be shown, and a propensity of 1 is none.
        """
        drawn = (self.propensities > 0) & (self.propensities < 1)
        return np.asarray(drawn.any(axis=1))


def joined(*lists: ShownLists) -> ShownLists:
    """The rows of several, of equal widths, one after the other."""
    columns = ([getattr(each, name) for each in lists] for name in ShownLists.__slots__)
    return ShownLists(*(np.concatenate(column) for column in columns))


def no_lists(width: int) -> ShownLists:
    """No lists, of histories of `width` items."""
    none = np.empty(0, np.int64)
    empty = np.empty((0, 1), np.float32)
    return ShownLists.of(
        np.empty((0, width), np.int64), none, none, np.empty((0, 1), np.int64), empty, empty
    )
