"""Reads event files into DuckDB as a schema says, with the pipelines' own reader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import duckdb
import numpy as np
import pyarrow as pa

from sources.files.plan import plan
from sources.files.ranges import FileLimits, read_range
from sources.schema.schema import Schema
from training.datasets.dataset_sql import EVENT_ID
from training.datasets.ingest import UNKNOWN, ReadCounts, create_tables
from training.datasets.raw_files import EVENT, FEATURES, RawFile
from transforms.columns.event_details import EventDetails
from transforms.columns.id_names import IdNames
from transforms.columns.names import Names
from transforms.messages.events import BEHAVIORS, Int64s
from transforms.messages.id_kinds import IdKinds


def read_by_schema(
    database: duckdb.DuckDBPyConnection, files: Sequence[RawFile], schema: Schema, max_line: int
) -> ReadCounts:
    """Fills the table `raw` as `training.datasets.ingest.read_events` does.

    With `fields.event_id` it has a column EVENT_ID, which tells apart events that are equal.

    Args:
        database: an open DuckDB.
        files: what `find_files` returned; feedback logs are left out.
        schema: what the fields of the others mean.
        max_line: bytes of a line of a text file, at most.

    Raises:
        SourceError: a file cannot be read, or lacks a column that the schema names.
    """
    create_tables(database, IdKinds(schema.ids.user, schema.ids.item))
    own_ids = ""
    if schema.fields.event_id is not None and any(file.kind == "events" for file in files):
        database.execute(f"ALTER TABLE raw ADD COLUMN {EVENT_ID} BIGINT")
        own_ids = f", {EVENT_ID}"
    rows = ignored = 0
    wrong: Counter[str] = Counter()
    examples: dict[str, str] = {}
    behaviors = pa.array(BEHAVIORS, pa.string())
    unknown = ", ".join(f"{UNKNOWN} AS {name}" for name in FEATURES)
    for file in files:
        if file.kind != "events":
            continue
        for piece in plan(str(file.path), None, schema=schema):
            for block in read_range(piece, FileLimits(max_line=max_line)):
                events = block.events
                names = events.names or IdNames()
                rows += len(events) + len(block.letters) + block.ignored
                ignored += block.ignored
                wrong.update(block.malformed.reasons())
                for letter in block.letters:
                    if letter.reason not in examples:
                        examples[letter.reason] = letter.detail
                code = pa.array(events.behavior.astype(np.int32))
                label = pa.DictionaryArray.from_arrays(code, behaviors)
                table = pa.table(
                    {
                        "user": _ids(names.user, events.user),
                        "item": _ids(names.item, events.item),
                        "label": label.cast(pa.string()),
                        "time": events.time,
                    }
                )
                if own_ids:
                    details = events.details or EventDetails.none(len(events))
                    table = table.append_column(EVENT_ID, pa.array(details.event_id))
                database.register("block", table)
                database.execute(
                    f"INSERT INTO raw SELECT {', '.join(EVENT)}, {unknown}{own_ids} FROM block"  # noqa: S608
                ).fetchall()
                database.unregister("block")
    said = {f"{reason}, for example {examples[reason]}": n for reason, n in wrong.items()}
    return ReadCounts(rows, wrong.total(), said, ignored)


def _ids(names: Names | None, ids: Int64s) -> pa.Array:
    return pa.array(ids) if names is None else names.texts(ids)
