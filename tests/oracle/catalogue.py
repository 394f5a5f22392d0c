"""The rule of spec section 4 for a catalogue, a record at a time."""

from collections.abc import Sequence
from typing import NamedTuple


class Record(NamedTuple):
    item: int
    time: int
    available: bool


def available_at(records: Sequence[Record], time: int, start: int) -> set[int]:
    """The items that are available at `time`.

    Args:
        records: as they were written: of one item, a later record counts no earlier than those
            before it.
        time: seconds since the epoch.
        start: records up to this time also count before their time.
    """
    history: dict[int, list[Record]] = {}
    for record in records:
        own = history.setdefault(record.item, [])
        since = max(record.time, own[-1].time) if own else record.time
        own.append(record._replace(time=since))
    found = set()
    for item, own in history.items():
        counted = [record for record in own if record.time <= time]
        if not counted and own[0].time <= start:
            counted = own[:1]
        if counted and counted[-1].available:
            found.add(item)
    return found
