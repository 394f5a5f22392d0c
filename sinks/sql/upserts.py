"""Upserts in the SQL dialects that have one."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from sinks.base import SinkError
from sinks.sql.schema import LARGEST, NEWEST

DIALECTS = ("sqlite", "mysql", "mariadb", "postgresql")
"""Dialects whose upsert is known here."""


def check_dialect(dialect: str) -> None:
    """Checks that the dialect has an upsert.

    Raises:
        SinkError: no upsert is known for the dialect.
    """
    if dialect not in DIALECTS:
        raise SinkError(f"no upsert is known for {dialect}: take one of {', '.join(DIALECTS)}")


def upsert(table: sa.Table, dialect: str) -> Any:
    """A statement that inserts a row, or updates the row with the same primary key.

    Args:
        table: the table. A row of a table that is all key stays as it is.
        dialect: name of SQLAlchemy's dialect.

    Raises:
        SinkError: no upsert is known for the dialect.
    """
    check_dialect(dialect)
    values = [column.name for column in table.columns if not column.primary_key]
    if newest := table.info.get(NEWEST):
        return upsert_newer(table, dialect, newest)
    if dialect in ("mysql", "mariadb"):
        statement = mysql.insert(table)
        if not values:
            # INSERT IGNORE would replace invalid values instead of refusing them. Setting a key
            # column to itself changes nothing.
            values = [next(iter(table.primary_key.columns)).name]
        return statement.on_duplicate_key_update(
            {name: _kept(table, name, statement.inserted) for name in values}
        )
    insert: Any = (sqlite if dialect == "sqlite" else postgresql).insert(table)
    keys = list(table.primary_key.columns)
    if not values:
        return insert.on_conflict_do_nothing(index_elements=keys)
    return insert.on_conflict_do_update(
        index_elements=keys, set_={name: _kept(table, name, insert.excluded) for name in values}
    )


def upsert_newer(table: sa.Table, dialect: str, by: str) -> Any:
    """A statement that inserts a row, or updates the row with its key where that is no newer.

    Args:
        table: the table.
        dialect: name of SQLAlchemy's dialect.
        by: name of the column that says which row is newer.

    Raises:
        SinkError: no upsert is known for the dialect.
    """
    check_dialect(dialect)
    # The time comes last: MySQL assigns in this order, and compares with what is assigned.
    names = [c.name for c in table.columns if not c.primary_key and c.name != by] + [by]
    if dialect in ("mysql", "mariadb"):
        statement = mysql.insert(table)
        new = statement.inserted
        is_newer = new[by] >= table.c[by]
        return statement.on_duplicate_key_update(
            [(name, sa.func.IF(is_newer, new[name], table.c[name])) for name in names]
        )
    insert: Any = (sqlite if dialect == "sqlite" else postgresql).insert(table)
    return insert.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={name: insert.excluded[name] for name in names},
        where=insert.excluded[by] >= table.c[by],
    )


def _kept(table: sa.Table, name: str, given: Any) -> Any:
    """What a column of an existing row becomes: the new value, or the larger one."""
    old, new = table.columns[name], given[name]
    if not old.info.get(LARGEST):
        return new
    return sa.case((sa.or_(old.is_(None), new > old), new), else_=old)
