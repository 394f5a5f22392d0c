"""MySQL's `max_allowed_packet`: batches that fit, and rows that never will.

The server answers a statement that is too long with error 1153, or closes the connection while the
statement is being sent. This looks like an outage, but would come back each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sinks.sql.errors import error_number
from sinks.sql.rows import Rows

BATCH_ROWS = 2_000
"""Rows of one executemany over a network."""

_LIMIT = "max_allowed_packet"
_STATEMENT_BYTES = 1_024_000
"""PyMySQL's executemany sends statements of up to this size (`Cursor.max_stmt_length`)."""

_CLOSED_OR_TOO_LARGE = frozenset({0, 1153, 2006, 2013, 2055})
_NUMBER_BYTES = 22
_SHARE = 0.8
"""Share of a packet that rows may fill: the rest is the statement, and text that is escaped."""


def remember_limit(connection: Any, record: Any) -> None:
    """Reads the server's limit; a listener of SQLAlchemy's event "connect"."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT @@max_allowed_packet")
        record.info[_LIMIT] = int(cursor.fetchone()[0])


def batches(connection: Connection, rows: Rows) -> Iterator[Rows]:
    """The rows in batches of BATCH_ROWS, or smaller ones where a packet cannot hold them."""
    limit = connection.info.get(_LIMIT)
    if limit is None or limit * _SHARE > _STATEMENT_BYTES:
        for start in range(0, len(rows), BATCH_ROWS):
            yield rows[start : start + BATCH_ROWS]
        return
    start, size = 0, 0
    for at, row in enumerate(rows):
        added = _bytes(row)
        if at > start and (size + added > limit * _SHARE or at - start >= BATCH_ROWS):
            yield rows[start:at]
            start, size = at, 0
        size += added
    yield rows[start:]


def is_too_large(connection: Connection, rows: Rows, error: BaseException) -> bool:
    """Whether an error is about the size of these rows' statement."""
    if not isinstance(error, sa.exc.DBAPIError):
        return False
    number = error_number(error)
    if number not in _CLOSED_OR_TOO_LARGE:
        return False
    # The limit of another connection: this one may be closed.
    with connection.engine.connect() as other:
        limit = other.info.get(_LIMIT)
    if limit is None:
        return False
    return number == 1153 or sum(map(_bytes, rows)) > limit * _SHARE


def _bytes(row: tuple[Any, ...]) -> int:
    """About how many bytes a row has in a statement."""
    return sum(
        len(value.encode()) + 3 if isinstance(value, str) else _NUMBER_BYTES for value in row
    )
