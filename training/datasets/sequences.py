"""Users' events as sequences, split by time and cut into sessions.

Each user's events are split by time: the first 80% to train on, of which the last tenth is for
validation, and the last 20% to test on.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from inference.models.ids import IdMap
from training.datasets.transitions import Transitions, discounted_returns
from transforms.columns.id_names import IdNames, item_ranks
from transforms.messages.behaviors import USUAL_REWARDS

Int64s = npt.NDArray[np.int64]
Int8s = npt.NDArray[np.int8]

TRAIN, VALID, TEST = 0, 1, 2
"""Values of `Sequences.split`."""
TEST_SHARE, VALID_SHARE = 0.2, 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Sequences:
    """All users' events as columns, by user, then time, then item.

    Attributes:
        users: the users' ids; each has an event.
        items: the items' ids: those with an event in the first 80% of some user.
        user: int64 [n], row of the user.
        item: int64 [n], row of the item, `items.unknown` for one that only the test split has.
        raw_item: int64 [n], id of the item.
        label: int8 [n], the behavior's code (`transforms.messages.events.BEHAVIORS`).
        time: int64 [n], seconds since the epoch.
        split: int8 [n], TRAIN, VALID or TEST.
        start: int64 [n], position of the user's first event.
        fingerprint: SHA-256 of the events.
        rewards: what an event earns, by the code of its behavior.
    """

    users: IdMap
    items: IdMap
    user: Int64s
    item: Int64s
    raw_item: Int64s
    label: Int8s
    time: Int64s
    split: Int8s
    start: Int64s
    fingerprint: str
    rewards: tuple[float, ...] = USUAL_REWARDS

    def __len__(self) -> int:
        return len(self.user)

    def histories(self, at: Int64s, width: int) -> tuple[Int64s, Int64s]:
        """The user's last events before each of some events.

        Args:
            at: int64 [b], positions of events.
            width: most events of a history.

        Returns:
            Item rows int64 [b, width], the oldest first, left-aligned, padded with
            `items.unknown`; and their numbers int64 [b].
        """
        return self._before(self.item, self.items.unknown, at, width)

    def raw_histories(self, at: Int64s, width: int) -> tuple[Int64s, Int64s]:
        """As `histories`, with items' ids, padded with 0, as `inference.policy` takes them."""
        return self._before(self.raw_item, 0, at, width)

    def _before(self, column: Int64s, fill: int, at: Int64s, width: int) -> tuple[Int64s, Int64s]:
        lengths = np.minimum(at - self.start[at], width)
        place = np.arange(width)
        positions = (at - lengths)[:, None] + place
        beyond = place >= lengths[:, None]
        positions[beyond] = 0
        found = column[positions]
        found[beyond] = fill
        return found, lengths

    def sessions(self, gap: int | None = 3_600) -> Int64s:
        """A session's number for each event, int64 [n], rising.

        Args:
            gap: seconds without an event of the user after which a new session begins; None
                for one session a user.
        """
        first = np.ones(len(self), bool)
        first[1:] = self.user[1:] != self.user[:-1]
        if gap is not None:
            first[1:] |= np.diff(self.time) > gap
        return np.cumsum(first) - 1

    def with_validation(self) -> Sequences:
        """The same events with the validation split as training data."""
        return replace(self, split=np.where(self.split == VALID, TRAIN, self.split).astype(np.int8))

    def transitions(
        self,
        split: int,
        width: int = 10,
        gamma: float = 0.9,
        gap: int | None = 3_600,
    ) -> Transitions:
        """The steps whose action lies in one split.

        A user's first event is no action, nor is one on an item that the table does not have.
        Rewards and returns use the events of that split alone: training sees no later event.

        Args:
            split: TRAIN, VALID or TEST.
            width: items in a history.
            gamma: discount of the returns.
            gap: as in `sessions`.
        """
        of_behaviors = np.array(self.rewards, np.float32)
        rewards = np.where(self.split == split, of_behaviors[self.label], np.float32(0))
        # A session that reaches into the next split ends where its split ends.
        session = self.sessions(gap) * 3 + self.split
        returns = discounted_returns(rewards, session, gamma)
        last = np.ones(len(self), bool)
        last[:-1] = session[1:] != session[:-1]
        at = np.flatnonzero((self.split == split) & (self.start < np.arange(len(self))))
        histories, lengths = self.histories(at, width)
        known = self.item[at] != self.items.unknown
        steps = Transitions(
            histories, lengths, self.user[at], self.item[at], rewards[at], returns[at], last[at]
        )
        return steps if known.all() else steps.take(known)


def split_by_place(
    start: Int64s, test_share: float = TEST_SHARE, valid_share: float = VALID_SHARE
) -> Int8s:
    """The split of each event, int8 [n], by its place among its user's events.

    Args:
        start: int64 [n], position of the first event of each event's user; rising.
        test_share: share of a user's events, the last ones, to test on; rounded up.
        valid_share: share of the rest, its last ones, to validate on; rounded down.
    """
    n = len(start)
    if not n:
        return np.empty(0, np.int8)
    first = np.flatnonzero(np.r_[True, start[1:] != start[:-1]])
    count = np.repeat(np.diff(np.r_[first, n]), np.diff(np.r_[first, n]))
    place = np.arange(n) - start
    learnt = np.floor(count * (1 - test_share) + 1e-9).astype(np.int64)
    train = learnt - np.floor(learnt * valid_share + 1e-9).astype(np.int64)
    split: Int8s = (place >= train).astype(np.int8) + (place >= learnt).astype(np.int8)
    return split


def make_sequences(
    user: Int64s,
    item: Int64s,
    label: Int8s,
    time: Int64s,
    *,
    items: IdMap | None = None,
    users: IdMap | None = None,
    test_share: float = TEST_SHARE,
    valid_share: float = VALID_SHARE,
    fingerprint: str = "",
    rewards: tuple[float, ...] = USUAL_REWARDS,
    names: IdNames | None = None,
) -> Sequences:
    """Sequences from columns of events, in any order.

    Args:
        user: int64 [n], ids.
        item: int64 [n], ids.
        label: int8 [n], codes of behaviors.
        time: int64 [n], seconds since the epoch.
        items: the item table to use; None for one of the items in the first 80%.
        users: the user table to use; None for one of all users.
        test_share: as of `split_by_place`.
        valid_share: as of `split_by_place`.
        fingerprint: of the data; made of the columns where it is empty.
        rewards: what an event earns, by the code of its behavior.
        names: the texts of ids that are keys of texts.
    """
    names = names or IdNames()
    order = np.lexsort((label, item_ranks(names, item), time, user))
    user, item, label, time = user[order], item[order], label[order], time[order]
    first = np.r_[True, user[1:] != user[:-1]][: len(user)]
    start = np.maximum.accumulate(np.where(first, np.arange(len(user)), 0))
    split = split_by_place(start, test_share, valid_share)
    users = users or IdMap(np.unique(user), names.user)
    items = items or IdMap(np.unique(item[split != TEST]), names.item)
    if not fingerprint:
        digest = hashlib.sha256()
        for column in (user, item, label, time):
            digest.update(np.ascontiguousarray(column).tobytes())
        fingerprint = digest.hexdigest()
    return Sequences(
        users=users,
        items=items,
        user=users.rows(user),
        item=items.rows(item),
        raw_item=item,
        label=label,
        time=time,
        split=split,
        start=start,
        fingerprint=fingerprint,
        rewards=rewards,
    )
