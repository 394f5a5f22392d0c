"""The rule of spec section 4 for a catalogue, a record at a time."""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar


class Record(NamedTuple):
    item: int
    time: int
    available: bool


AnyRecord = TypeVar("AnyRecord", "Record", "Described")


class Described(NamedTuple):
    """A record of a catalogue that says when items were created, and their categories."""

    item: int
    time: int
    available: bool
    category: str | None
    created: int | None


def new_at(records: Sequence[Described], time: int, start: int, seconds: int) -> list[int]:
    """The items that are new at `time`, the newest first, then the smaller one."""
    found = [
        record
        for record in counted_at(records, time, start)
        if record.available
        and record.category
        and record.created is not None
        and time - seconds < record.created <= time
    ]
    return [record.item for record in sorted(found, key=lambda each: (-each.created, each.item))]


def available_at(records: Sequence[Record], time: int, start: int) -> set[int]:
    """The items that are available at `time`. Arguments as for `counted_at`."""
    return {record.item for record in counted_at(records, time, start) if record.available}


def counted_at(records: Sequence[AnyRecord], time: int, start: int) -> list[AnyRecord]:
    """The record of each item that counts at `time`.

    Args:
        records: as they were written: of one item, a later record counts no earlier than those
            before it.
        time: seconds since the epoch.
        start: records up to this time also count before their time.
    """
    history: dict[int, list[AnyRecord]] = {}
    for record in records:
        own = history.setdefault(record.item, [])
        since = max(record.time, own[-1].time) if own else record.time
        own.append(record._replace(time=since))
    found = []
    for own in history.values():
        counted = [record for record in own if record.time <= time]
        if not counted and own[0].time <= start:
            counted = own[:1]
        found += counted[-1:]
    return found
