"""Reads events from stores and topics: what the job recorded, and what it reads."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from rivulet.errors import UserError
from rivulet.limits import MAX_FUTURE
from sources.schema.schema import Schema
from training.datasets.ingest import UNKNOWN, ReadCounts
from training.datasets.raw_files import EVENT, FEATURES, RawLogError
from training.datasets.topic import read_topic
from transforms.messages.events import BEHAVIORS, TIME_LIMIT

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
) -> ReadCounts:
    """Adds the events of stores and topics to the table `raw`.

    Args:
        database: with the table `raw`.
        urls: stores' URLs, and `kafka://HOST:PORT/TOPIC`.
        schema: how the values of topics map to events; None for the project's own fields.
        max_bytes: bytes of a topic's value; a longer one is malformed.

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
            events = part.events
            columns = [events.user, events.item, _names(events.behavior), events.time]
            table = pa.table(columns, names=EVENT)
            rows += _insert(database, table, wrong, latest) + part.malformed + part.ignored
            ignored += part.ignored
            wrong.update(part.reasons)
    return ReadCounts(rows, wrong.total(), dict(wrong), ignored)


def _names(behavior: npt.NDArray[np.int8]) -> pa.Array:
    codes = pa.array(behavior.astype(np.int32))
    return pa.DictionaryArray.from_arrays(codes, pa.array(BEHAVIORS, pa.string())).cast(pa.string())


def _read_store(url: str) -> Iterator[pa.Table]:
    from sinks.retry import error_line
    from sinks.urls import open_source

    source = open_source(url)
    try:
        store = source.open()
        try:
            for page in store.read_records():
                yield page.rename_columns(EVENT)
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
        "no valid user": pc.is_valid(table["user"]),
        "no valid item": pc.is_valid(table["item"]),
        "no valid label": is_behavior,
        "no valid time": pc.fill_null(in_range, False),
        FROM_THE_FUTURE: pc.fill_null(pc.less_equal(moment, latest), True),
    }
    valid = np.ones(len(table), bool)
    for reason, check in checks.items():
        good = check.to_numpy(zero_copy_only=False).astype(bool)
        wrong[reason] += int((valid & ~good).sum())
        valid &= good
    unknown = ", ".join(f"{UNKNOWN} AS {name}" for name in FEATURES)
    database.register("stored", table.filter(pa.array(valid)))
    database.execute(f"INSERT INTO raw SELECT *, {unknown} FROM stored").fetchall()  # noqa: S608
    database.unregister("stored")
    return len(table)
