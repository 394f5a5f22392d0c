"""The changes of a catalogue as rows for stores."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sources.catalogue.rows import ItemRows
from transforms.catalogue.source import CatalogueView
from transforms.messages.availability import places
from transforms.messages.catalogue_items import CatalogueItems
from transforms.messages.dead_letters import DeadLetterBatch
from transforms.messages.events import Int64s

BATCH_ROWS = 5_000


class Listener(Protocol):
    """Receives the rows that a catalogue reads."""

    def __call__(self, rows: ItemRows, updated: Int64s, gone: Int64s, since: int) -> None:
        """Rows, the times from which on they count, and items that are gone since a time."""
        ...


class ListenedSource(Protocol):
    """A catalogue's source whose rows can be listened to."""

    def load(self, listener: Listener | None = None) -> CatalogueView:
        """Loads it."""
        ...


class Changes:
    """Reads a catalogue, and gives the rows that are new or differ from those before.

    Args:
        source: the catalogue.

    Raises:
        SourceError: it cannot be used.
    """

    def __init__(self, source: ListenedSource) -> None:
        self._letters: list[DeadLetterBatch] = []
        self._lock = threading.Lock()
        self._texts: dict[int, str] = {}
        self._ids = np.empty(0, np.int64)
        self._hashes = np.empty(0, np.int64)
        self._new: list[CatalogueItems] = []
        self._view = source.load(self._listen)

    def read(self) -> tuple[list[CatalogueItems], list[DeadLetterBatch]]:
        """The changes since the last call, and what of them is malformed."""
        with self._lock:
            self._view.at(int(time.time()))
            found, self._new = self._new, []
            letters, self._letters = self._letters, []
            return found, letters

    def _listen(self, rows: ItemRows, updated: Int64s, gone: Int64s, since: int) -> None:
        for start in range(0, rows.malformed, BATCH_ROWS):
            part = rows.letters.columns.slice(start, BATCH_ROWS)
            self._letters.append(DeadLetterBatch(part))
        if not len(rows) + len(gone):
            return
        texts = rows.details.column("id").to_pylist()
        details = _details(rows)
        hashes = np.array(
            [
                hash((text, available))
                for text, available in zip(details, rows.available.tolist(), strict=True)
            ],
            np.int64,
        )
        place = places(self._ids, rows.item)
        known = self._hashes[np.maximum(place, 0)] if len(self._ids) else hashes
        changed = np.flatnonzero((place < 0) | (known != hashes)).tolist()
        self._remember(rows.item, hashes, gone)
        self._texts.update(zip(rows.item.tolist(), texts, strict=True))
        for start in range(0, len(changed), BATCH_ROWS):
            part = changed[start : start + BATCH_ROWS]
            self._new.append(
                CatalogueItems(
                    tuple(texts[row] for row in part),
                    tuple(int(updated[row]) for row in part),
                    tuple(bool(rows.available[row]) for row in part),
                    tuple(details[row] for row in part),
                )
            )
        for start in range(0, len(gone), BATCH_ROWS):
            names = tuple(self._texts[item] for item in gone[start : start + BATCH_ROWS].tolist())
            n = len(names)
            self._new.append(CatalogueItems(names, (since,) * n, (False,) * n, ("{}",) * n))

    def _remember(self, item: Int64s, hashes: Int64s, gone: Int64s) -> None:
        items = np.concatenate((self._ids, item, gone))
        values = np.concatenate((self._hashes, hashes, np.zeros(len(gone), np.int64)))
        # The last row of an item counts.
        ids, first = np.unique(items[::-1], return_index=True)
        self._ids, self._hashes = ids, values[::-1][first]


def _details(rows: ItemRows) -> list[str]:
    """The details of each row as a JSON object."""
    return [json.dumps(each, sort_keys=True) for each in _objects(rows.details)]


def _objects(details: pa.RecordBatch) -> Iterator[dict[str, object]]:
    columns = {name: details.column(name) for name in details.schema.names if name != "id"}
    price = columns["price"]
    columns["price"] = pc.if_else(pc.is_nan(price), None, price)
    columns["created"] = pc.if_else(pc.less(columns["created"], 0), None, columns["created"])
    names = list(columns)
    for values in zip(*(column.to_pylist() for column in columns.values()), strict=True):
        yield {name: value for name, value in zip(names, values, strict=True) if value is not None}
