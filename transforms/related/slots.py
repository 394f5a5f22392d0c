"""Pairs of items in slots of event time, from closed blocks of events.

A slot's pairs need the events of the slot, and those up to one slot's length before it: its users'
earlier items. Each event therefore goes to its own slot and to the next one. No step keeps state:
a slot of a shard of users is one group, which is complete when the watermark passes the slot's end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from transforms.columns.frames import Frame, coded
from transforms.columns.packing import order
from transforms.columns.ranges import run_starts, runs
from transforms.messages.behaviors import BEHAVIORS
from transforms.messages.events import EventBatch, Int64s
from transforms.messages.related import PairCounts
from transforms.messages.related_kinds import KINDS
from transforms.related.rules import RelatedRules

_BUY = BEHAVIORS.index("buy")


@coded
@dataclass(frozen=True, slots=True, eq=False)
class SlotEvents(Frame):
    """First events of users on items.

    Attributes:
        user: int64 [n], keys of users; their names are not needed.
        item: int64 [n].
        time: int64 [n], seconds since the epoch.
    """

    ITEMS: ClassVar[tuple[str, ...]] = ("item",)

    user: Int64s
    item: Int64s
    time: Int64s

    def first(self) -> SlotEvents:
        """Each user's first event on each item."""
        rows = order(self.user, self.item, self.time)
        return self.take(rows[run_starts(self.user[rows], self.item[rows])])


def split(events: EventBatch, kind: int, gap: int) -> Iterator[tuple[int, SlotEvents]]:
    """A block's events of a kind by the slots that need them: their own and the next one.

    An event of a slot goes to the next one only where it is the user's first on its item in the
    block, at or after the slot's start. Slots are those of `RelatedRules`.

    Args:
        events: a block, at least one event.
        kind: code of the kind of related items.
        gap: seconds of a slot.
    """
    if KINDS[kind] == "bought":
        events = events.take(events.behavior == _BUY)
    if not len(events):
        return
    names = events.names
    whole = SlotEvents(events.user, events.item, events.time)
    number = events.time // gap
    rows = np.argsort(number, kind="stable") if (number[1:] < number[:-1]).any() else None
    if rows is not None:
        whole, number = whole.take(rows), number[rows]
    for slot, at in runs(number):
        part = whole.take(at).first()
        if names is not None:
            part = part.named(names)
        yield slot, part
        yield slot + 1, part


def pair(events: SlotEvents, slot: int, rules: RelatedRules) -> PairCounts | None:
    """The pairs of a slot among the users of these events; None for no pair.

    Args:
        events: all events of some users that the slot needs.
        slot: its number.
        rules: how items are paired.
    """
    # What is `gap` seconds and more before the slot is in no pair of it.
    start = slot * rules.gap
    if int(events.time.max()) < start:  # All of them are of the slot before.
        return None
    first = events.first()
    rows = order(first.user, first.time, first.item)
    user, time = first.user[rows], first.time[rows]
    items, code = np.unique(first.item[rows], return_inverse=True)
    number = len(items)
    keys = []
    for distance in range(1, min(rules.history, len(user) - 1) + 1):
        together = user[distance:] == user[:-distance]
        together &= time[distance:] - time[:-distance] < rules.gap
        together &= time[distance:] >= start
        later, earlier = code[distance:][together], code[:-distance][together]
        keys.append(np.minimum(later, earlier) * number + np.maximum(later, earlier))
    key = np.concatenate(keys) if keys else np.zeros(0, np.int64)
    if not len(key):
        return None
    key.sort()
    starts = run_starts(key)
    count = np.diff(np.append(starts, len(key)))
    low, high = items[key[starts] // number], items[key[starts] % number]
    item, other = np.concatenate((low, high)), np.concatenate((high, low))
    count = np.concatenate((count, count))
    return PairCounts(np.full(len(item), slot), item, other, count).named(events.names)
