"""The SQL tables, each written once: names, columns, keys (spec section 6)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Float, MetaData, String, Table

from transforms.messages.behaviors import BEHAVIORS

METADATA = MetaData()
_UTF8: dict[str, Any] = {"mysql_charset": "utf8mb4", "mariadb_charset": "utf8mb4"}


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
"""Every event, once."""

TOP = Table(
    "top",
    METADATA,
    _id("window_end"),
    _id("rank"),
    Column("item", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
    **_UTF8,
)
"""Popular items by window."""

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
"""What was recommended."""

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
"""What came of a policy's recommendations in a minute of event time (spec section 5)."""

EVENT_MINUTE = Table(
    "event_minute",
    METADATA,
    _id("minute"),
    *(Column(name, BigInteger, nullable=False) for name in BEHAVIORS),
    **_UTF8,
)
"""Different events in a minute of event time, by behavior; late ones are not in it."""

JOB_WORKER = Table(
    "job_worker",
    METADATA,
    _id("run"),
    Column("worker", String(32), primary_key=True),
    Column("updated_at", Float(53), nullable=False),
    Column("counts", JSON, nullable=False),
    **_UTF8,
)
"""What each worker process of a run (its start, milliseconds since the epoch) has done so far.

The clock's, not event time's: for the page alone. What is done again counts again.
"""
