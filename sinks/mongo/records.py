"""Reads the events that a MongoDB store keeps, in the order of their ids."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import pyarrow as pa
from pymongo import ASCENDING

from sinks.base import SinkError
from sinks.mongo.collections import Collections
from sinks.records import EVENT_ID, RecordColumns, as_table
from transforms.messages.id_kinds import INTEGER, TEXT, IdKinds

COLLECTION = "records"
PAGE_ROWS = 50_000


def record_columns(name: str, database: Collections) -> RecordColumns:
    """What the documents of `records` have.

    Args:
        name: the store's URL without secrets.
        database: the job's collections.

    Raises:
        SinkError: there is no such collection, or the ids of a field are numbers and text.
    """
    if COLLECTION not in database:
        raise SinkError(f"{name}: there is no collection {database[COLLECTION].name}")
    found = database[COLLECTION]

    def kind_of(field: str) -> str:
        is_text, is_number = (
            found.find_one({field: {"$type": types}}, {"_id": 1}) is not None
            for types in (["string"], ["int", "long", "double", "decimal"])
        )
        if is_text and is_number:
            raise SinkError(
                f"{name}: {field} of collection {found.name} is a number in some documents and "
                "text in others: two jobs wrote it; keep the documents of one"
            )
        return TEXT if is_text else INTEGER

    has_ids = found.find_one({EVENT_ID: {"$exists": True}}, {"_id": 1}) is not None
    return RecordColumns(IdKinds(kind_of("user"), kind_of("item")), has_ids)


def read_records(
    name: str, database: Collections, page_rows: int = PAGE_ROWS
) -> Iterator[pa.Table]:
    """The documents of `records`, by one cursor along the index of `_id`.

    Args:
        name: the store's URL without secrets.
        database: the job's collections.
        page_rows: documents of a batch.

    Yields:
        Columns as of `record_columns`.

    Raises:
        SinkError: as of `record_columns`.
    """
    kinds = record_columns(name, database)
    fields = kinds.schema.names
    shown = dict.fromkeys(fields, 1) | {"_id": 0}
    with database[COLLECTION].find({}, shown, batch_size=page_rows).sort("_id", ASCENDING) as found:
        while page := list(islice(found, page_rows)):
            yield as_table([[row.get(field) for row in page] for field in fields], kinds)
