"""The SQL of `training.prepare`: from the table of raw events to the files of a data set."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sinks.records import EVENT_ID
from training.datasets.categories import JOINS, Categories, feature_sql
from training.datasets.feedback_log import PLAIN
from training.datasets.ids import is_text
from training.datasets.ingest import UNKNOWN
from training.datasets.raw_files import COLUMNS, EVENT, FEATURES, USER_FEATURES
from transforms.columns.names import hash_texts
from transforms.messages.events import BEHAVIORS, TIME_LIMIT

ROW_GROUP = 500_000


def quoted_path(path: Path) -> str:
    """A path as a SQL string."""
    return "'" + str(path).replace("'", "''") + "'"


def drop_duplicates(database: duckdb.DuckDBPyConnection) -> None:
    """Makes the table `events` from `raw`: each event once.

    Events are equal that are so in all of EVENT and, where there is such a column, EVENT_ID.
    """
    columns = {name for name, *_ in database.execute("DESCRIBE raw").fetchall()}
    key = [*EVENT, *({EVENT_ID} & columns)]
    # Equal events may have different side features. The largest is kept, in any order of rows.
    kept = ", ".join(f"max({name}) AS {name}" for name in FEATURES)
    database.execute(
        f"CREATE TABLE events AS SELECT {', '.join(EVENT)}, {kept} FROM raw "  # noqa: S608
        f"GROUP BY {', '.join(key)}"
    )
    database.execute("DROP TABLE raw")


def first_unusable_list(database: duckdb.DuckDBPyConnection, lists: Path, most_items: int) -> str:
    """What is wrong with the first row of a feedback log that cannot be used; empty without one.

    Args:
        database: any.
        lists: the log.
        most_items: of a list or a history.
    """
    gains = [name for name in ("rewards", PLAIN) if name in pq.read_schema(lists).names]
    rules = {
        "an empty field": " OR ".join(
            f"{name} IS NULL" for name in ("user", "time", "history", "items", *gains)
        ),
        "an empty value in a list": " OR ".join(
            f"list_contains([x IS NULL for x in {name}], true)"
            for name in ("history", "items", *gains)
        ),
        "items and rewards that are not equally many": " OR ".join(
            f"len(items) <> len({name})" for name in gains
        ),
        "a reward that is no finite number of at least 0": " OR ".join(
            f"list_contains([NOT isfinite(x::DOUBLE) OR x < 0 for x in {name}], true)"
            for name in gains
        ),
        "a time outside the years 1970 to 9999": f"time NOT BETWEEN 0 AND {TIME_LIMIT - 1}",
        f"a list of more than {most_items:,} items (--most_items)": f"len(history) > {most_items} "
        f"OR len(items) > {most_items}",
    }
    reason = " ".join(f"WHEN {rule} THEN '{text}'" for text, rule in rules.items())
    found = database.execute(
        f"SELECT reason, user, time FROM (SELECT CASE {reason} END AS reason, user, time "  # noqa: S608
        f"FROM read_parquet({quoted_path(lists)})) WHERE reason IS NOT NULL LIMIT 1"
    ).fetchall()
    return "" if not found else f"user {found[0][1]}, time {found[0][2]}: {found[0][0]}"


def write_events(
    database: duckdb.DuckDBPyConnection,
    folder: Path,
    age_buckets: Sequence[int],
    categories: Categories,
) -> None:
    """Writes the kept users' events as `events.parquet` and `tianchi.csv` into `folder`.

    Side tables fill in the features that the events do not have. The view `written` reads
    `events.parquet`.

    Args:
        database: with the tables `events`, `kept`, `side_user` and `side_item`.
        folder: where to write.
        age_buckets: ascending ages in years at which a new bucket begins.
        categories: what `settle_categories` found.
    """
    values = {name: f"events.{name}" for name in EVENT}
    values |= {name: _feature(name, age_buckets) for name in FEATURES}
    values["category"] = feature_sql(categories)
    select = ", ".join(f"{values[name]} AS {name}" for name in COLUMNS)
    codes = " ".join(f"WHEN '{name}' THEN {code}" for code, name in enumerate(BEHAVIORS))
    parquet, csv = (quoted_path(folder / name) for name in ("events.parquet", "tianchi.csv"))
    database.execute("SET preserve_insertion_order = true")
    database.execute(
        f"COPY (SELECT {select} FROM events SEMI JOIN kept USING (user) "  # noqa: S608
        "LEFT JOIN side_user ON events.user = side_user.user "
        f"{JOINS}"
        "ORDER BY events.user, events.time, events.item, "
        f"CASE events.label {codes} END) "
        f"TO {parquet} (FORMAT parquet, ROW_GROUP_SIZE {ROW_GROUP})"
    )
    database.execute(f"COPY (FROM {parquet}) TO {csv} (FORMAT csv, HEADER)")
    database.execute(f"CREATE VIEW written AS FROM {parquet}")


def _feature(name: str, age_buckets: Sequence[int]) -> str:
    """The SQL of a side feature: the event's own, or else the side table's."""
    side = "side_user" if name in USER_FEATURES else "side_item"
    value = f"greatest(events.{name}, coalesce({side}.{name}, {UNKNOWN}))"
    if name != "age":
        return value
    bucket = " + ".join(
        ["0::BIGINT", *(f"({value} >= {int(edge)})::BIGINT" for edge in age_buckets)]
    )
    return f"CASE WHEN {value} < 0 THEN {UNKNOWN} ELSE {bucket} END"


def describe(database: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Counts of what `write_events` wrote: events, users, items, first and last time, labels."""
    (row,) = database.execute(
        "SELECT count(*), count(DISTINCT user), count(DISTINCT item), min(time), max(time) "
        "FROM written"
    ).fetchall()
    labels = database.execute("SELECT label, count(*) FROM written GROUP BY label").fetchall()
    names = ("events", "users", "items", "first_time", "last_time")
    counted = dict(zip(names, row, strict=True))
    return {**counted, "labels": {name: dict(labels).get(name, 0) for name in BEHAVIORS}}


def fingerprint(events: Path) -> str:
    """SHA-256 over the columns of an `events.parquet`: equal events, equal fingerprint."""
    digests = [hashlib.sha256() for _ in COLUMNS]
    for batch in pq.ParquetFile(events).iter_batches(ROW_GROUP, columns=list(COLUMNS)):
        for name, digest in zip(COLUMNS, digests, strict=True):
            column = batch.column(COLUMNS.index(name))
            codes = pc.index_in(column, pa.array(BEHAVIORS)) if name == "label" else column
            if is_text(codes.type):
                codes = pa.array(hash_texts(codes.cast(pa.string())))
            digest.update(np.ascontiguousarray(codes.to_numpy(), "<i8").tobytes())
    return hashlib.sha256(b"".join(digest.digest() for digest in digests)).hexdigest()
