"""The table of the catalogue's items: the newest row of each, for the API."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Engine

from sinks.base import Refusal, Write
from sinks.sql.names import named
from sinks.sql.upserts import upsert_newer
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
            connection.execute(upsert_newer(table, engine.dialect.name, "updated"), values)
        return []

    return write
