"""Reads the events that a SQL store keeps, page by page along the primary key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from sinks.base import SinkError
from sinks.records import EVENT_ID, RecordColumns, as_table
from sinks.sql.names import named
from sinks.sql.schema import RECORD, tables_for
from transforms.messages.id_kinds import INTEGER, TEXT, IdKinds
from transforms.messages.record_fields import RecordFields

PAGE_ROWS = 50_000
"""Rows of a page: the key of its last row is where the next one begins."""


def record_columns(name: str, engine: Engine, prefix: str = "") -> RecordColumns:
    """What the events of the table `record` have.

    Args:
        name: the store's URL without secrets.
        engine: the database.
        prefix: what is before the name of the table.

    Raises:
        SinkError: there is no such table.
    """
    file = engine.url.database if engine.dialect.name == "sqlite" else None
    if file and not Path(file).exists():
        raise SinkError(f"{name}: there is no such file")
    inspector, table = sa.inspect(engine), named(RECORD, prefix).name
    if not inspector.has_table(table):
        raise SinkError(f"{name}: there is no table {table}")
    kinds = {each["name"]: each["type"] for each in inspector.get_columns(table)}
    user, item = (
        TEXT if isinstance(kinds.get(part), sa.String) else INTEGER for part in ("user", "item")
    )
    return RecordColumns(IdKinds(user, item), EVENT_ID in kinds)


def read_records(
    name: str, engine: Engine, page_rows: int = PAGE_ROWS, prefix: str = ""
) -> Iterator[pa.Table]:
    """The rows of the table `record`, in the order of its primary key.

    Rows that are written meanwhile may or may not be among them. No row comes twice.

    Args:
        name: the store's URL without secrets.
        engine: the database.
        page_rows: rows of a page.
        prefix: what is before the name of the table.

    Yields:
        Columns as of `record_columns`.

    Raises:
        SinkError: there is no such table.
    """
    kinds = record_columns(name, engine, prefix)
    fields = RecordFields(event_id=kinds.event_id)
    table = named(tables_for(kinds.ids, fields).tables[RECORD.name], prefix)
    key = list(table.primary_key.columns)
    columns = [table.c[each] for each in kinds.schema.names]
    page = sa.select(*columns, *key).order_by(*key).limit(page_rows)
    after: tuple[Any, ...] | None = None
    while True:
        chosen = page if after is None else page.where(_is_after(key, after, engine.dialect.name))
        # A connection for each page: it is checked before use.
        with engine.connect() as connection:
            rows = connection.execute(chosen).fetchall()
        if rows:
            after = tuple(rows[-1][len(columns) :])
            yield as_table(list(zip(*rows, strict=True))[: len(columns)], kinds)
        if len(rows) < page_rows:
            return


def _is_after(key: list[sa.Column[Any]], after: tuple[Any, ...], dialect: str) -> Any:
    """Whether a row's key is greater than another one, in a form that uses the index."""
    if dialect not in ("mysql", "mariadb"):
        return sa.tuple_(*key) > sa.tuple_(
            *(sa.literal(v, c.type) for v, c in zip(after, key, strict=True))
        )
    # MySQL compares tuples row by row; of this form it makes ranges of the index.
    return sa.or_(
        *(
            sa.and_(
                *(c == v for c, v in zip(key[:at], after[:at], strict=True)), key[at] > after[at]
            )
            for at in range(len(key))
        )
    )
