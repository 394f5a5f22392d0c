"""Reads the events that a MongoDB store keeps, in the order of their ids."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pyarrow as pa
from pymongo import ASCENDING
from pymongo.database import Database

from sinks.base import SinkError
from sinks.records import as_table

COLLECTION = "records"
PAGE_ROWS = 50_000


def read_records(
    name: str, database: Database[dict[str, Any]], page_rows: int = PAGE_ROWS
) -> Iterator[pa.Table]:
    """The documents of `records`, by one cursor along the index of `_id`.

    Args:
        name: the store's URL without secrets.
        database: the database.
        page_rows: documents of a batch.

    Yields:
        Columns as of `sinks.records.as_table`.

    Raises:
        SinkError: there is no such collection.
    """
    if COLLECTION not in database.list_collection_names():
        raise SinkError(f"{name}: there is no collection {COLLECTION}")
    fields = ("user", "item", "behavior", "time")
    shown = dict.fromkeys(fields, 1) | {"_id": 0}
    with database[COLLECTION].find({}, shown, batch_size=page_rows).sort("_id", ASCENDING) as found:
        while page := list(islice(found, page_rows)):
            yield as_table(*([document.get(field) for document in page] for field in fields))
