"""Upserts in the dialects that have one."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from sinks.base import SinkError

DIALECTS = ("sqlite", "mysql", "mariadb", "postgresql")
"""Those that have an upsert."""


def check_dialect(dialect: str) -> None:
    """Makes sure that there is an upsert for it.

    Raises:
        SinkError: the dialect has none that Rivulet knows.
    """
    if dialect not in DIALECTS:
        raise SinkError(f"no upsert is known for {dialect}: take one of {', '.join(DIALECTS)}")


def upsert(table: sa.Table, dialect: str) -> Any:
    """Inserts a row; one with the same key takes the new values (or stays, if it is all key).

    Raises:
        SinkError: the dialect has no upsert that Rivulet knows.
    """
    check_dialect(dialect)
    values = [column.name for column in table.columns if not column.primary_key]
    if dialect in ("mysql", "mariadb"):
        statement = mysql.insert(table)
        if not values:
            # Not IGNORE, which also turns refused values into wrong ones: the key is set to
            # itself, which changes nothing.
            values = [next(iter(table.primary_key.columns)).name]
        return statement.on_duplicate_key_update(
            {name: statement.inserted[name] for name in values}
        )
    insert: Any = (sqlite if dialect == "sqlite" else postgresql).insert(table)
    keys = list(table.primary_key.columns)
    if not values:
        return insert.on_conflict_do_nothing(index_elements=keys)
    return insert.on_conflict_do_update(
        index_elements=keys, set_={name: insert.excluded[name] for name in values}
    )
