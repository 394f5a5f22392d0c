"""The table of the catalogue's items: the newest row of each, for the API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.engine import Engine

from sinks.base import Refusal, Write
from sinks.sql.names import named
from sinks.sql.upserts import check_dialect
from transforms.messages.catalogue_items import CatalogueItems

_EXACT = mysql.VARCHAR(256, charset="utf8mb4", collation="utf8mb4_bin")

ITEM = sa.Table(
    "item",
    sa.MetaData(),
    sa.Column("item", sa.String(256).with_variant(_EXACT, "mysql", "mariadb"), primary_key=True),
    sa.Column("updated", sa.BigInteger, nullable=False),
    sa.Column("available", sa.BigInteger, nullable=False),
    sa.Column("details", sa.Text, nullable=False),
    mysql_charset="utf8mb4",
    mariadb_charset="utf8mb4",
)
"""Items of the catalogue: the id as text, and JSON with what is known of it. The table is there if
a job had a catalogue."""


def items_writer(engine: Engine, prefix: str = "") -> Write:
    """The function that writes items; the first call creates the table.

    Args:
        engine: the database.
        prefix: what is before the names of the tables.
    """
    table, is_prepared = named(ITEM, prefix), False

    def write(rows: CatalogueItems) -> Sequence[Refusal]:
        nonlocal is_prepared
        if not is_prepared:
            table.create(engine, checkfirst=True)
            is_prepared = True
        columns = zip(rows.items, rows.updated, rows.available, rows.details, strict=True)
        values = [
            {"item": item, "updated": updated, "available": int(available), "details": details}
            for item, updated, available, details in columns
        ]
        with engine.begin() as connection:
            connection.execute(upsert_newer(table, engine.dialect.name), values)
        return []

    return write


def upsert_newer(table: sa.Table, dialect: str) -> Any:
    """A statement that inserts an item, or updates it where the row is no older.

    Args:
        table: ITEM, with a prefix or without.
        dialect: name of SQLAlchemy's dialect.

    Raises:
        SinkError: no upsert is known for the dialect.
    """
    check_dialect(dialect)
    # The time comes last: MySQL assigns in this order, and compares with what is assigned.
    names = ("available", "details", "updated")
    if dialect in ("mysql", "mariadb"):
        statement = mysql.insert(table)
        new = statement.inserted
        is_newer = new.updated >= table.c.updated
        return statement.on_duplicate_key_update(
            [(name, sa.func.IF(is_newer, new[name], table.c[name])) for name in names]
        )
    insert: Any = (sqlite if dialect == "sqlite" else postgresql).insert(table)
    return insert.on_conflict_do_update(
        index_elements=["item"],
        set_={name: insert.excluded[name] for name in names},
        where=insert.excluded.updated >= table.c.updated,
    )
