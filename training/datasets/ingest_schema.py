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
from training.datasets.ingest import UNKNOWN, ReadCounts, create_tables
from training.datasets.raw_files import FEATURES, RawFile
from transforms.columns.id_names import IdNames
from transforms.columns.names import Names
from transforms.messages.events import BEHAVIORS, Int64s
from transforms.messages.id_kinds import IdKinds


def read_by_schema(
    database: duckdb.DuckDBPyConnection, files: Sequence[RawFile], schema: Schema, max_line: int
) -> ReadCounts:
    """Fills the table `raw` as `training.datasets.ingest.read_events` does.

    Args:
        database: an open DuckDB.
        files: what `find_files` returned; feedback logs are left out.
        schema: what the fields of the others mean.
        max_line: bytes of a line of a text file, at most.

    Raises:
        SourceError: a file cannot be read, or lacks a column that the schema names.
    """
    create_tables(database, IdKinds(schema.ids.user, schema.ids.item))
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
                database.register("block", table)
                database.execute(f"INSERT INTO raw SELECT *, {unknown} FROM block").fetchall()  # noqa: S608
                database.unregister("block")
    said = {f"{reason}, for example {examples[reason]}": n for reason, n in wrong.items()}
    return ReadCounts(rows, wrong.total(), said, ignored)


def _ids(names: Names | None, ids: Int64s) -> pa.Array:
    return pa.array(ids) if names is None else names.texts(ids)
