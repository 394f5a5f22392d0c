"""Reads event files into DuckDB as a schema says, with the pipelines' own reader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import duckdb
import numpy as np
import pyarrow as pa

from sinks.records import EVENT_ID, RecordColumns
from sources.errors import SourceError
from sources.files.plan import FileRange, plan
from sources.files.ranges import FileLimits, read_range
from sources.schema.load import preset_names
from sources.schema.schema import Schema
from training.datasets.categories import add_of_schema, category_schema
from training.datasets.ingest import NO_FEATURES, ReadCounts, create_tables
from training.datasets.raw_files import EVENT, RawFile
from transforms.columns.event_details import EventDetails
from transforms.columns.id_names import IdNames
from transforms.columns.names import Names
from transforms.messages.events import BEHAVIORS, EventBatch, Int64s


def read_by_schema(
    database: duckdb.DuckDBPyConnection,
    files: Sequence[RawFile],
    schema: Schema,
    max_line: int,
    kinds: RecordColumns,
) -> ReadCounts:
    """Fills the table `raw` as `training.datasets.ingest.read_events` does.

    Args:
        database: an open DuckDB.
        files: what `find_files` returned; feedback logs are left out.
        schema: what the fields of the others mean.
        max_line: bytes of a line of a text file, at most.
        kinds: what the table's events have.

    Raises:
        SourceError: a file cannot be read, or lacks a column that the schema names.
    """
    create_tables(database, kinds)
    rows = ignored = 0
    wrong: Counter[str] = Counter()
    examples: dict[str, str] = {}
    of_category = category_schema(schema)
    for file in files:
        if file.kind != "events":
            continue
        for piece in plan(str(file.path), None, schema=schema):
            for block in read_range(piece, FileLimits(max_line=max_line)):
                events = block.events
                rows += len(events) + len(block.letters) + block.ignored
                ignored += block.ignored
                wrong.update(block.malformed.reasons())
                for letter in block.letters:
                    if letter.reason not in examples:
                        examples[letter.reason] = letter.detail
                insert_events(database, table_of(events, kinds))
        if of_category is not None:
            # The same lines again, with the category in place of the user.
            for piece in _category_pieces(str(file.path), of_category):
                for block in read_range(piece, FileLimits(max_line=max_line)):
                    add_of_schema(database, block.events)
    said = {f"{reason}, for example {examples[reason]}": n for reason, n in wrong.items()}
    return ReadCounts(rows, wrong.total(), said, ignored)


def _category_pieces(path: str, schema: Schema) -> list[FileRange]:
    """What to read a file's categories from; nothing where it lacks the column of a preset."""
    try:
        return list(plan(path, None, schema=schema))
    except SourceError:
        # The file was just read without its categories.
        if schema.name in preset_names():
            return []
        raise


def table_of(events: EventBatch, kinds: RecordColumns) -> pa.Table:
    """Events as columns of the names EVENT, and EVENT_ID where events have ids of their own."""
    names = events.names or IdNames()
    codes = pa.array(events.behavior.astype(np.int32))
    label = pa.DictionaryArray.from_arrays(codes, pa.array(BEHAVIORS, pa.string()))
    columns = {
        "user": _ids(names.user, events.user),
        "item": _ids(names.item, events.item),
        "label": label.cast(pa.string()),
        "time": pa.array(events.time),
    }
    if kinds.event_id:
        details = events.details or EventDetails.none(len(events))
        columns[EVENT_ID] = pa.array(details.event_id)
    return pa.table(columns)


def insert_events(database: duckdb.DuckDBPyConnection, table: pa.Table) -> None:
    """Adds a table's events, whose features are not known, to `raw`."""
    own_ids = f", {EVENT_ID}" if EVENT_ID in table.column_names else ""
    database.register("block", table)
    database.execute(
        f"INSERT INTO raw SELECT {', '.join(EVENT)}, {NO_FEATURES}{own_ids} FROM block"  # noqa: S608
    ).fetchall()
    database.unregister("block")


def _ids(names: Names | None, ids: Int64s) -> pa.Array:
    return pa.array(ids) if names is None else names.texts(ids)
