"""The steps of `training.prepare` inside DuckDB: from a table of raw events to the files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from training.datasets.ingest import COLUMNS, EVENT, FEATURES, UNKNOWN, USER_FEATURES
from transforms.messages.events import BEHAVIORS

ROW_GROUP = 500_000


@dataclass(frozen=True, slots=True)
class Selection:
    """Which users are kept.

    Attributes:
        keep_all: every user, whatever the number of events.
        short_min, short_max: numbers of events (inclusive) of the first group of users.
        short_users: how many users of the first group are sampled, at most.
        long_min, long_max: numbers of events (inclusive) of the second group.
        long_users: how many users of the second group are sampled, at most.
        seed: of the sample.
    """

    keep_all: bool = False
    short_min: int = 6
    short_max: int = 50
    short_users: int = 60_000
    long_min: int = 51
    long_max: int = 200
    long_users: int = 20_000
    seed: int = 0


def drop_duplicates(database: duckdb.DuckDBPyConnection) -> None:
    """Make the table `events` out of `raw`: each event once (equal in all of EVENT)."""
    # Equal events may bear different side features: the larger one is kept, in any order of rows.
    kept = ", ".join(f"max({name}) AS {name}" for name in FEATURES)
    database.execute(
        f"CREATE TABLE events AS SELECT {', '.join(EVENT)}, {kept} FROM raw "  # noqa: S608
        f"GROUP BY {', '.join(EVENT)}"
    )
    database.execute("DROP TABLE raw")


def choose_users(database: duckdb.DuckDBPyConnection, selection: Selection) -> None:
    """Make the table `kept`: the users that `selection` keeps, by their number of `events`."""
    if selection.keep_all:
        database.execute("CREATE TABLE kept AS SELECT DISTINCT user FROM events")
        return
    # A seeded hash orders the users: the sample is the same on any machine and any version.
    sample = (
        "(SELECT user FROM counts WHERE events BETWEEN ? AND ? "
        "ORDER BY md5(concat(?, ':', user)), user LIMIT ?)"
    )
    database.execute(
        "CREATE TABLE counts AS SELECT user, count(*) AS events FROM events GROUP BY user"
    )
    one = selection
    database.execute(
        f"CREATE TABLE kept AS SELECT DISTINCT user FROM ({sample} UNION ALL {sample})",  # noqa: S608
        [
            *(one.short_min, one.short_max, one.seed, one.short_users),
            *(one.long_min, one.long_max, one.seed, one.long_users),
        ],
    )


def write_files(
    database: duckdb.DuckDBPyConnection, folder: Path, age_buckets: tuple[int, ...]
) -> None:
    """Write the kept users' events as `events.parquet` and `tianchi.csv` into `folder`.

    Side tables fill in the features that the events do not have. The view `written` then
    reads what was written.

    Args:
        database: with the tables `events`, `kept`, `side_user` and `side_item`.
        folder: where to write.
        age_buckets: ascending ages in years at which a new bucket begins.
    """
    select = ", ".join(
        f"events.{name}" if name in EVENT else f"{_feature(name, age_buckets)} AS {name}"
        for name in COLUMNS
    )
    codes = " ".join(f"WHEN '{name}' THEN {code}" for code, name in enumerate(BEHAVIORS))
    parquet = folder / "events.parquet"
    database.execute("SET preserve_insertion_order = true")
    database.execute(
        f"COPY (SELECT {select} FROM events SEMI JOIN kept USING (user) "  # noqa: S608
        "LEFT JOIN side_user ON events.user = side_user.user "
        "LEFT JOIN side_item ON events.item = side_item.item "
        "ORDER BY events.user, events.time, events.item, "
        f"CASE events.label {codes} END) "
        f"TO '{parquet}' (FORMAT parquet, ROW_GROUP_SIZE {ROW_GROUP})"
    )
    database.execute(f"COPY (FROM '{parquet}') TO '{folder / 'tianchi.csv'}' (FORMAT csv, HEADER)")
    database.execute(f"CREATE VIEW written AS FROM '{parquet}'")


def _feature(name: str, age_buckets: tuple[int, ...]) -> str:
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
    """Counts of what `write_files` wrote: events, users, items, span of time, labels."""
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
            digest.update(np.ascontiguousarray(codes.to_numpy(), "<i8").tobytes())
    return hashlib.sha256(b"".join(digest.digest() for digest in digests)).hexdigest()
