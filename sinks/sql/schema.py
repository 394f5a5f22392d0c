"""The SQL tables: names, columns, keys (spec section 6)."""

from __future__ import annotations

from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import JSON, BigInteger, Column, Float, MetaData, String, Table, Text
from sqlalchemy.dialects import mysql

from transforms.messages.behaviors import BEHAVIORS
from transforms.messages.id_kinds import TEXT, IdKinds
from transforms.messages.record_fields import NO_FIELDS, RecordFields

METADATA = MetaData()
LARGEST = "largest"
"""Key of the information of a column of which an upsert keeps the largest value."""
NEWEST = "newest"
"""Key of the information of a table whose upsert keeps the row that is newest by a column."""
_UTF8: dict[str, Any] = {"mysql_charset": "utf8mb4", "mariadb_charset": "utf8mb4"}


ID_CHARACTERS = 256
"""Characters of a column of ids that are text: an id has up to 256 bytes."""


class IdText(sa.types.TypeDecorator[str]):
    """Text that is compared byte by byte, so that `a`, `A` and `a ` are three ids."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """The column's type in a kind of database."""
        kind: sa.types.TypeEngine[Any] = String(ID_CHARACTERS)
        if dialect.name in ("mysql", "mariadb"):
            # Other collations ignore blanks at the end, as utf8mb4_bin does.
            is_mariadb = getattr(dialect, "is_mariadb", False)
            collation = "utf8mb4_nopad_bin" if is_mariadb else "utf8mb4_0900_bin"
            kind = mysql.VARCHAR(ID_CHARACTERS, charset="utf8mb4", collation=collation)
        elif dialect.name == "postgresql":
            kind = String(ID_CHARACTERS, collation="C")
        return dialect.type_descriptor(kind)


def _id(name: str) -> Column[int]:
    return Column(name, BigInteger, primary_key=True, autoincrement=False)


RECORD = Table(
    "record",
    METADATA,
    _id("user"),
    _id("item"),
    Column("behavior", String(8), primary_key=True),
    _id("time"),
    sqlite_with_rowid=False,
    **_UTF8,
)
"""Each distinct event."""

TOP = Table(
    "top",
    METADATA,
    _id("window_end"),
    _id("rank"),
    Column("item", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
    **_UTF8,
)
"""Rankings of popular items, a row per window and rank."""

RELATED = Table(
    "related",
    METADATA,
    Column("kind", String(8), primary_key=True),
    _id("item"),
    Column("time", BigInteger, nullable=False),
    Column("items", Text, nullable=False),
    Column("counts", Text, nullable=False),
    info={NEWEST: "time"},
    **_UTF8,
)
"""What users bought or looked at together: the newest list of each item, as JSON."""

RECOMMENDATION = Table(
    "recommendation",
    METADATA,
    _id("user"),
    _id("time"),
    Column("items", JSON, nullable=False),
    Column("policy", String(64), nullable=False),
    Column("propensities", JSON, nullable=False),
    Column("last_reward", BigInteger, nullable=False),
    sqlite_with_rowid=False,
    **_UTF8,
)
"""Recommendations, a row per user and ranking time."""

POLICY_MINUTE = Table(
    "policy_minute",
    METADATA,
    Column("policy", String(64), primary_key=True),
    _id("minute"),
    Column("recommendations", BigInteger, nullable=False),
    Column("hits", BigInteger, nullable=False),
    Column("reward", Float(53), nullable=False),
    **_UTF8,
)
"""Recommendations, hits and rewards of a policy in a minute of event time (spec section 5)."""

EVENT_MINUTE = Table(
    "event_minute",
    METADATA,
    _id("minute"),
    *(Column(name, BigInteger, nullable=False) for name in BEHAVIORS),
    **_UTF8,
)
"""Distinct events in a minute of event time, by behavior, without late ones."""

JOB_WORKER = Table(
    "job_worker",
    METADATA,
    _id("run"),
    Column("worker", String(32), primary_key=True),
    Column("updated_at", Float(53), nullable=False),
    Column("counts", JSON, nullable=False),
    **_UTF8,
)
"""Progress of each worker process; `run` is the job's start in milliseconds since the epoch.

For the web page alone: `updated_at` is the worker's clock, and work that is repeated after a
failure counts again.
"""

JOB = Table(
    "job",
    METADATA,
    _id("run"),
    Column("settings", JSON, nullable=False),
    **_UTF8,
)
"""Settings of each run of a job; `run` is its start in milliseconds since the epoch."""


@cache
def tables_for(ids: IdKinds, fields: RecordFields = NO_FIELDS) -> MetaData:
    """The tables for ids of these kinds and for records with these fields."""
    if not ids.any_text and fields == NO_FIELDS:
        return METADATA
    kinds = {"user": ids.user, "item": ids.item}
    found = MetaData()
    for table in METADATA.sorted_tables:
        for column in table.to_metadata(found).columns:
            if kinds.get(column.name) == TEXT:
                column.type = IdText()
    record = found.tables[RECORD.name]
    if fields.event_id:
        record.append_column(_id("event_id"))
    if fields.value:
        record.append_column(Column("value", Float(53), info={LARGEST: True}))
    return found
