"""What a catalogue says of its items over time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from transforms.catalogue.source import AtTime, CatalogueSource
from transforms.catalogue.timed_column import TimedColumn, Values
from transforms.columns.names import IdCollisionError, Names
from transforms.messages.availability import Availability
from transforms.messages.events import Bools, Int64s
from transforms.messages.new_items import NewItems

MOST_NEW = 10_000
"""New items of a time beyond the newest so many are left out."""

_KEPT = 64
_Snapshot = tuple[Int64s, Values]


@dataclass(frozen=True, slots=True, eq=False)
class ItemFeatures:
    """What recommends items that no model knows.

    Attributes:
        category: int64 [n], the key of each item's category; 0 for none.
        created: int64 [n], seconds since the epoch; -1 where it is not known.
        texts: the text of each item; None where items are integers.
    """

    category: Int64s
    created: Int64s
    texts: pa.StringArray | None = None


class Timeline:
    """Records of items, each with the time from which on it counts; for any number of threads.

    An item is available at T if its newest record of a time up to T says so. An item without such
    a record is not in the catalogue, and not available (`TimedColumn`).

    Args:
        start: seconds since the epoch.
        new_seconds: an item is new for so many seconds after it was created; 0: items have no
            features, and nothing says which ones are new.
        source: the catalogue; None where nobody else can load it.
    """

    def __init__(
        self, start: int, new_seconds: int = 0, source: CatalogueSource | None = None
    ) -> None:
        self._lock = threading.Lock()
        self._source = source
        self._available: TimedColumn[Availability] = TimedColumn(start, False, self._answer)
        self._new_seconds = new_seconds
        self._category: TimedColumn[_Snapshot] = TimedColumn(start, 0, _snapshot)
        self._created: TimedColumn[_Snapshot] = TimedColumn(start, -1, _snapshot)
        self._texts: dict[int, str] = {}
        self._is_text = False
        self._kept: OrderedDict[tuple[int, ...], tuple[Availability, Availability, object]] = (
            OrderedDict()
        )

    def __len__(self) -> int:
        return len(self._available)

    @property
    def latest(self) -> Availability:
        """What the newest records say."""
        with self._lock:
            return self._available.latest

    @property
    def has_features(self) -> bool:
        """Whether an item has both a category and a time of creation, as the newest records say."""
        with self._lock:
            category, created = self._category.latest[1], self._created.latest[1]
            return bool(((category != 0) & (created >= 0)).any())

    def add(
        self, item: Int64s, time: Int64s, available: Bools, features: ItemFeatures | None = None
    ) -> None:
        """Adds records. Of one item a later record counts no earlier than the one before it.

        Args:
            item: int64 [n].
            time: int64 [n], seconds since the epoch, from which on the record counts.
            available: bool [n]; false also for an item that left the catalogue.
            features: those of the items, where the timeline says which ones are new.

        Raises:
            IdCollisionError: two texts have one key.
        """
        if not len(item):
            return
        with self._lock:
            self._available.add(item, time, available)
            if not self._new_seconds or features is None:
                return
            self._category.add(item, time, features.category)
            self._created.add(item, time, features.created)
            if features.texts is not None:
                self._is_text = True
                _remember(self._texts, item, features.texts)

    def remove(self, item: Int64s, time: int) -> None:
        """Takes items, int64 [n], out of the catalogue from a time on."""
        n = len(item)
        nothing = ItemFeatures(np.zeros(n, np.int64), np.full(n, -1, np.int64))
        self.add(item, np.full(n, time, np.int64), np.zeros(n, bool), nothing)

    def at(self, time: int) -> Availability:
        """What is available at a time. Times between which nothing changes have one object."""
        with self._lock:
            available = self._available.at(time)
            return self._with_new(available, time) if self._new_seconds else available

    def _with_new(self, available: Availability, time: int) -> Availability:
        category, created = self._category.at(time), self._created.at(time)
        # The objects are kept, so that no other one has their address.
        key = time, id(available), id(category), id(created)
        if key not in self._kept:
            new = self._new(available, category[1], created[1], time)
            found = replace(available, new=new, origin=self._origin(time))
            for other, before, _ in self._kept.values():
                if before is available and other.new is not None and other.new.equals(new):
                    found = other
            self._kept[key] = found, available, (category, created)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return self._kept[key][0]

    def _answer(self, ids: Int64s, bits: Bools, time: int | None) -> Availability:
        return Availability(ids, bits, origin=None if time is None else self._origin(time))

    def _origin(self, time: int) -> AtTime | None:
        return None if self._source is None else AtTime(self._source, time)

    def _new(
        self, available: Availability, category: Int64s, created: Int64s, time: int
    ) -> NewItems:
        is_new = available.bits & (category != 0) & (created >= 0)
        is_new &= (created > time - self._new_seconds) & (created <= time)
        rows = np.flatnonzero(is_new)
        if len(rows) > MOST_NEW:
            oldest = np.partition(created[rows], len(rows) - MOST_NEW)[len(rows) - MOST_NEW]
            rows = rows[created[rows] >= oldest]
        items, names = available.ids[rows], None
        rank = items
        if self._is_text:
            texts = pa.array([self._texts[item] for item in items.tolist()], pa.string())
            names = Names(items, texts)
            rank = names.ranks(items)
        rows_in_order = np.lexsort((rank, -created[rows]))[:MOST_NEW]
        return NewItems(items[rows_in_order], category[rows][rows_in_order], category, names)


def _snapshot(ids: Int64s, values: Values, time: int | None) -> _Snapshot:
    del time
    return ids, values


def _remember(known: dict[int, str], item: Int64s, texts: pa.StringArray) -> None:
    fresh: Mapping[int, str] = dict(zip(item.tolist(), texts.to_pylist(), strict=True))
    for key, text in fresh.items():
        if known.setdefault(key, text) != text:
            raise IdCollisionError(
                f"the catalogue's items {known[key]!r} and {text!r} have the same key {key}: "
                "rename one of them"
            )
