"""Reads events from stores and topics: what the job recorded, and what it reads."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rivulet.errors import UserError
from rivulet.limits import MAX_FUTURE
from sinks.records import RecordColumns
from sources.schema.schema import Schema
from training.datasets.categories import add_of_schema
from training.datasets.ids import is_text
from training.datasets.ingest import ReadCounts
from training.datasets.ingest_schema import insert_events, table_of
from training.datasets.raw_files import EVENT, RawLogError
from training.datasets.topic import read_topic
from transforms.columns.names import is_valid_id
from transforms.messages.events import BEHAVIORS, TIME_LIMIT

if TYPE_CHECKING:
    from sinks.base import Store

FROM_THE_FUTURE = f"a time more than {MAX_FUTURE} s after the clock"


def is_url(text: str) -> bool:
    """Whether an input is a URL of a store or a topic, and no path."""
    return "://" in text


def is_topic(url: str) -> bool:
    """Whether a URL names a topic of Kafka."""
    return url.lower().startswith("kafka://")


def read_urls(
    database: duckdb.DuckDBPyConnection,
    urls: Sequence[str],
    schema: Schema | None,
    max_bytes: int,
    kinds: RecordColumns,
) -> ReadCounts:
    """Adds the events of stores and topics to the table `raw`.

    Args:
        database: with the table `raw`.
        urls: stores' URLs, and `kafka://HOST:PORT/TOPIC`.
        schema: how the values of topics map to events; None for the project's own fields.
        max_bytes: bytes of a topic's value; a longer one is malformed.
        kinds: what the table's events have.

    Raises:
        UserError: a store or a topic cannot be read.
    """
    wrong: Counter[str] = Counter()
    rows = ignored = 0
    latest = int(time.time()) + MAX_FUTURE
    for url in urls:
        if not is_topic(url):
            for table in _read_store(url):
                rows += _insert(database, table, wrong, latest)
            continue
        for part in read_topic(url, schema, max_bytes):
            table = table_of(part.events, kinds)
            rows += _insert(database, table, wrong, latest) + part.malformed + part.ignored
            ignored += part.ignored
            if part.categories is not None:
                add_of_schema(database, part.categories)
            wrong.update(part.reasons)
    return ReadCounts(rows, wrong.total(), dict(wrong), ignored)


def columns_of_store(url: str) -> RecordColumns:
    """What the events of a store have.

    Raises:
        UserError: it cannot be read.
    """
    with _opened(url) as store:
        return store.record_columns()


def _read_store(url: str) -> Iterator[pa.Table]:
    with _opened(url) as store:
        for page in store.read_records():
            yield page.rename_columns([*EVENT, *page.column_names[len(EVENT) :]])


@contextmanager
def _opened(url: str) -> Iterator[Store]:
    from sinks.retry import error_line
    from sinks.urls import open_source

    source = open_source(url)
    try:
        store = source.open()
        try:
            yield store
        finally:
            store.close()
    except UserError:
        raise
    except Exception as error:  # Each driver has errors of its own.
        raise RawLogError(f"{source.name} cannot be read: {error_line(error)}") from error


def _insert(
    database: duckdb.DuckDBPyConnection, table: pa.Table, wrong: Counter[str], latest: int
) -> int:
    """Adds the valid rows of a table to `raw` and counts the others by reason; how many in all."""
    is_behavior = pc.is_in(table["label"], pa.array(BEHAVIORS, pa.string()))
    moment = table["time"]
    in_range = pc.and_(pc.greater_equal(moment, 0), pc.less(moment, TIME_LIMIT))
    checks = {
        "no valid user": _is_id(table["user"]),
        "no valid item": _is_id(table["item"]),
        "no valid label": is_behavior,
        "no valid time": pc.fill_null(in_range, False),
        FROM_THE_FUTURE: pc.fill_null(pc.less_equal(moment, latest), True),
    }
    valid = np.ones(len(table), bool)
    for reason, check in checks.items():
        good = check.to_numpy(zero_copy_only=False).astype(bool)
        wrong[reason] += int((valid & ~good).sum())
        valid &= good
    insert_events(database, table.filter(pa.array(valid)))
    return len(table)


def _is_id(column: pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Which values can be ids."""
    if not is_text(column.type):
        return pc.is_valid(column)
    return pa.array(is_valid_id(column.combine_chunks()))
