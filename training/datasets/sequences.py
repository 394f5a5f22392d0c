"""Prepared data as users' sequences: who went on to what, split by time, cut into sessions.

A data set is the folder that `training.prepare` writes; of its events.parquet only user, item,
label and time are read here. Every user's events are split by time: the first 80% to train
on, of which the last tenth is for validation, and the last 20% to test on.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from inference.models.ids import IdMap
from transforms.messages.events import BEHAVIORS, REWARDS

Int64s = npt.NDArray[np.int64]
Int8s = npt.NDArray[np.int8]
Float32s = npt.NDArray[np.float32]

EVENTS = "events.parquet"
META = "meta.json"
TRAIN, VALID, TEST = 0, 1, 2
"""Values of `Sequences.part`."""


class DataError(RuntimeError):
    """A data set is missing or broken."""


@dataclass(frozen=True, slots=True, eq=False)
class Transitions:
    """What a learner sees: state, action, reward and whether the session ends, row by row.

    Attributes:
        histories: int64 [n, w], rows of the item table, the oldest first, left-aligned,
            filled with the unknown item.
        lengths: int64 [n], how many items each history has.
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
        return Transitions(
            self.histories[index],
            self.lengths[index],
            self.users[index],
            self.actions[index],
            self.rewards[index],
            self.returns[index],
            self.last[index],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Sequences:
    """All users' events as columns, by user, then time, then item.

    Attributes:
        users: the users' ids; each has an event.
        items: the items' ids: those with an event in the first 80% of some user.
        user: int64 [n], row of the user.
        item: int64 [n], row of the item, `items.unknown` for one that only the test part has.
        raw_item: int64 [n], id of the item.
        label: int8 [n], the behavior's code (`transforms.messages.events.BEHAVIORS`).
        time: int64 [n], seconds since the epoch.
        part: int8 [n], TRAIN, VALID or TEST.
        start: int64 [n], position of the user's first event.
        fingerprint: SHA-256 of the events.
    """

    users: IdMap
    items: IdMap
    user: Int64s
    item: Int64s
    raw_item: Int64s
    label: Int8s
    time: Int64s
    part: Int8s
    start: Int64s
    fingerprint: str

    def __len__(self) -> int:
        return len(self.user)

    def histories(self, at: Int64s, width: int) -> tuple[Int64s, Int64s]:
        """The last events before some others, of the same user.

        Args:
            at: int64 [b], positions of events.
            width: how many to look back at most.

        Returns:
            Item rows int64 [b, width], the oldest first, left-aligned, filled with
            `items.unknown`; and their numbers int64 [b].
        """
        return self._back(self.item, self.items.unknown, at, width)

    def raw_histories(self, at: Int64s, width: int) -> tuple[Int64s, Int64s]:
        """As `histories`, with items' ids, filled with 0, as `inference.policy` takes them."""
        return self._back(self.raw_item, 0, at, width)

    def _back(self, column: Int64s, fill: int, at: Int64s, width: int) -> tuple[Int64s, Int64s]:
        lengths = np.minimum(at - self.start[at], width)
        place = np.arange(width)
        positions = (at - lengths)[:, None] + place
        beyond = place >= lengths[:, None]
        positions[beyond] = 0
        back = column[positions]
        back[beyond] = fill
        return back, lengths

    def sessions(self, gap: int | None = 3_600) -> Int64s:
        """A session's number for each event, int64 [n], rising.

        Args:
            gap: seconds without an event of the user after which a new session begins; None
                for one session a user.
        """
        fresh = np.ones(len(self), bool)
        fresh[1:] = self.user[1:] != self.user[:-1]
        if gap is not None:
            fresh[1:] |= np.diff(self.time) > gap
        return np.cumsum(fresh) - 1

    def with_validation(self) -> Sequences:
        """The same events, the validation part a part of the training part."""
        return replace(self, part=np.where(self.part == VALID, TRAIN, self.part).astype(np.int8))

    def transitions(
        self,
        part: int,
        width: int = 10,
        gamma: float = 0.9,
        gap: int | None = 3_600,
    ) -> Transitions:
        """The steps whose action lies in one part.

        A user's first event is no action, nor is one on an item that the table does not have.
        Rewards and returns look at that part alone: training never sees a later one.

        Args:
            part: TRAIN, VALID or TEST.
            width: items in a history.
            gamma: discount of the returns.
            gap: as in `sessions`.
        """
        rewards = np.where(self.part == part, REWARDS[self.label], np.float32(0))
        # A session that reaches into another part ends where its part ends.
        session = self.sessions(gap) * 3 + self.part
        returns = discounted_returns(rewards, session, gamma)
        last = np.ones(len(self), bool)
        last[:-1] = session[1:] != session[:-1]
        at = np.flatnonzero((self.part == part) & (self.start < np.arange(len(self))))
        histories, lengths = self.histories(at, width)
        known = self.item[at] != self.items.unknown
        steps = Transitions(
            histories, lengths, self.user[at], self.item[at], rewards[at], returns[at], last[at]
        )
        return steps if known.all() else steps.take(known)


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
    # After each round total[t] covers twice as many steps from t on: log2(longest) rounds.
    while reach < n:
        same = session[reach:] == session[:-reach]
        if not same.any():
            break
        ahead = np.where(same, total[reach:], 0.0)
        total[:-reach] += gamma**reach * ahead
        reach *= 2
    return total.astype(np.float32)


def split(start: Int64s, test_share: float = 0.2, valid_share: float = 0.1) -> Int8s:
    """The part of each event, int8 [n]: by its place among its user's events.

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
    seen = np.floor(count * (1 - test_share) + 1e-9).astype(np.int64)
    train = seen - np.floor(seen * valid_share + 1e-9).astype(np.int64)
    part: Int8s = (place >= train).astype(np.int8) + (place >= seen).astype(np.int8)
    return part


def make_sequences(
    user: Int64s,
    item: Int64s,
    label: Int8s,
    time: Int64s,
    *,
    items: IdMap | None = None,
    users: IdMap | None = None,
    test_share: float = 0.2,
    valid_share: float = 0.1,
    fingerprint: str = "",
) -> Sequences:
    """Sequences out of columns of events, in any order.

    Args:
        user: int64 [n], ids.
        item: int64 [n], ids.
        label: int8 [n], codes of behaviors.
        time: int64 [n], seconds since the epoch.
        items: the item table to use; None for one of the items in the first 80%.
        users: the user table to use; None for one of all users.
        test_share: as of `split`.
        valid_share: as of `split`.
        fingerprint: of the data; made of the columns where it is empty.
    """
    order = np.lexsort((label, item, time, user))
    user, item, label, time = user[order], item[order], label[order], time[order]
    fresh = np.r_[True, user[1:] != user[:-1]][: len(user)]
    start = np.maximum.accumulate(np.where(fresh, np.arange(len(user)), 0))
    part = split(start, test_share, valid_share)
    users = users or IdMap(np.unique(user))
    items = items or IdMap(np.unique(item[part != TEST]))
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
        part=part,
        start=start,
        fingerprint=fingerprint,
    )


def load_sequences(
    data: Path,
    *,
    items: IdMap | None = None,
    users: IdMap | None = None,
    test_share: float = 0.2,
    valid_share: float = 0.1,
) -> Sequences:
    """The sequences of a data set; arguments as of `make_sequences`.

    Raises:
        DataError: the data set is missing or broken.
    """
    path = data / EVENTS
    try:
        table = pq.read_table(path, columns=["user", "item", "label", "time"])
        names = pa.array(BEHAVIORS, pa.string())
        labels = pc.index_in(table["label"].cast(pa.string()), value_set=names)
        if labels.null_count:
            raise DataError(f"{path}: a label is none of {', '.join(BEHAVIORS)}")
        columns = [table[name].cast(pa.int64()) for name in ("user", "item", "time")]
    except FileNotFoundError as error:
        raise DataError(
            f"{data} is no data set: it has no {EVENTS}; make one with `python -m training.prepare`"
        ) from error
    except (OSError, pa.ArrowException, KeyError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    if not len(labels):
        raise DataError(f"{path} has no events")
    if any(column.null_count for column in columns):
        raise DataError(f"{path} has empty values in user, item or time")
    user, item, time = (column.to_numpy() for column in columns)
    return make_sequences(
        user,
        item,
        labels.to_numpy().astype(np.int8),
        time,
        items=items,
        users=users,
        test_share=test_share,
        valid_share=valid_share,
        fingerprint=_known_fingerprint(data),
    )


def _known_fingerprint(data: Path) -> str:
    try:
        meta = json.loads((data / META).read_text(encoding="utf-8"))
        return str(meta.get("fingerprint", ""))
    except (OSError, ValueError, AttributeError):
        return ""
