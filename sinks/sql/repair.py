"""Removes rows of the future from SQL tables."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from sinks.sql import names, schema

TIMES = (
    schema.RECORD.c.time,
    schema.TOP.c.window_end,
    schema.RELATED.c.time,
    schema.RECOMMENDATION.c.time,
    schema.POLICY_MINUTE.c.minute,
    schema.EVENT_MINUTE.c.minute,
)
"""The column of each table that is event time."""


def remove_future(engine: Engine, latest: int, dry_run: bool, prefix: str = "") -> dict[str, int]:
    """Removes rows with a time after `latest`; returns how many by table.

    Args:
        engine: the database.
        latest: seconds since the epoch.
        dry_run: count, and change nothing.
        prefix: what is before the names of the tables.
    """
    existing = set(sa.inspect(engine).get_table_names())
    removed = {}
    for column in (names.column(each, prefix) for each in TIMES):
        table = column.table
        if table.name not in existing:
            continue
        is_future = column > latest
        with engine.begin() as connection:
            count = sa.select(sa.func.count()).select_from(table).where(is_future)
            removed[table.name] = int(connection.execute(count).scalar_one())
            if removed[table.name] and not dry_run:
                connection.execute(sa.delete(table).where(is_future))
    return removed
