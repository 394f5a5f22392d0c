"""Steps of users' sequences as a learner sees them: state, action, reward."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
Float32s = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Transitions:
    """What users did, one step a row.

    Attributes:
        histories: int64 [n, w], rows of the item table, the oldest first, left-aligned,
            padded with the unknown item.
        lengths: int64 [n], number of items in each history.
        users: int64 [n], rows of the user table.
        actions: int64 [n], the item that came next.
        rewards: float32 [n], its reward.
        returns: float32 [n], the discounted sum of the rewards from here to the session's end.
        last: bool [n], whether the session ends with this action.
    """

    histories: Int64s
    lengths: Int64s
    users: Int64s
    actions: Int64s
    rewards: Float32s
    returns: Float32s
    last: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.actions)

    def take(self, index: npt.NDArray[np.generic] | slice) -> Transitions:
        """The rows at `index` (positions, a mask or a slice)."""
        return Transitions(*(getattr(self, name)[index] for name in Transitions.__slots__))


def discounted_returns(rewards: Float32s, session: Int64s, gamma: float) -> Float32s:
    """G_t = sum over i of gamma^i r_(t+i), to the end of each session.

    Args:
        rewards: float32 [n].
        session: int64 [n], equal and adjacent for the steps of one session.
        gamma: in [0, 1].

    Returns:
        float32 [n].
    """
    total = rewards.astype(np.float64)
    reach, n = 1, len(rewards)
    # Each round doubles the number of steps that total[t] covers: log2(longest session) rounds.
    while reach < n:
        same = session[reach:] == session[:-reach]
        if not same.any():
            break
        ahead = np.where(same, total[reach:], 0.0)
        total[:-reach] += gamma**reach * ahead
        reach *= 2
    return total.astype(np.float32)
