"""Removes old rows from SQL tables, a minute of event time in each transaction."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from sinks.sql import names, schema
from sinks.sql.repair import TIMES

SLICE = 60
"""Seconds of event time whose rows are removed in one transaction."""

INDEXED = (schema.RECORD.c.time, schema.RECOMMENDATION.c.time, schema.RELATED.c.time)
"""The times by which rows are found and that do not begin their table's primary key."""


def create_indexes(engine: Engine, prefix: str = "") -> None:
    """Creates the indexes by time that are missing; several workers may do so at once.

    Args:
        engine: the database.
        prefix: what is before the names of the tables.
    """
    for column in (names.column(each, prefix) for each in INDEXED):
        name = f"{column.table.name}_by_time"
        if _has_index(engine, column.table.name, name):
            continue
        # On a copy: the tables of a store without retention have no such index.
        table = column.table.to_metadata(sa.MetaData())
        try:
            sa.Index(name, table.c[column.name]).create(engine)
        except sa.exc.DatabaseError:
            if not _has_index(engine, table.name, name):
                raise


def _has_index(engine: Engine, table: str, name: str) -> bool:
    return any(index["name"] == name for index in sa.inspect(engine).get_indexes(table))


def remove_before(engine: Engine, time: int, prefix: str = "") -> int:
    """Removes the rows of all tables of event time that are before a time.

    Args:
        engine: the database.
        time: seconds since the epoch.
        prefix: what is before the names of the tables.

    Returns:
        How many rows.
    """
    inspector = sa.inspect(engine)
    columns = [names.column(each, prefix) for each in TIMES]
    return sum(
        _remove(engine, each, time) for each in columns if inspector.has_table(each.table.name)
    )


def _remove(engine: Engine, column: sa.Column[int], time: int) -> int:
    removed = 0
    while True:
        with engine.begin() as connection:
            oldest = connection.execute(sa.select(sa.func.min(column))).scalar_one()
            if oldest is None or int(oldest) >= time:
                return removed
            until = min(int(oldest) + SLICE, time)
            removed += connection.execute(sa.delete(column.table).where(column < until)).rowcount
