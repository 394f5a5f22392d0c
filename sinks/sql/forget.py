"""Removes a user's rows from SQL tables."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from sinks.sql import schema
from sinks.sql.names import named

TABLES = (schema.RECORD, schema.RECOMMENDATION)
"""The tables that have rows of users. Their primary keys begin with the user."""


def remove_user(
    engine: Engine, ids: Sequence[int | str], dry_run: bool, prefix: str = ""
) -> dict[str, int]:
    """Removes the rows of a user; returns how many by table.

    Args:
        engine: the database.
        ids: the values that stand for the user: a number where the column is of integers, a text
            where it is of texts.
        dry_run: count, and change nothing.
        prefix: what is before the names of the tables.
    """
    inspector = sa.inspect(engine)
    removed = {}
    for each in (named(table, prefix) for table in TABLES):
        if not inspector.has_table(each.name):
            continue
        # The tables may hold texts or integers: their own columns say which.
        table = sa.Table(each.name, sa.MetaData(), autoload_with=engine)
        is_text = isinstance(table.c.user.type, sa.String)
        values = [value for value in ids if isinstance(value, str) == is_text]
        is_user = table.c.user.in_(values)
        with engine.begin() as connection:
            count = sa.select(sa.func.count()).select_from(table).where(is_user)
            removed[each.name] = int(connection.execute(count).scalar_one())
            if removed[each.name] and not dry_run:
                connection.execute(sa.delete(table).where(is_user))
    return removed
