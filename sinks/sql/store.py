"""A store in any SQL database that SQLAlchemy supports and that has an upsert.

SQLAlchemy compiles the statements. The rows go as tuples to `executemany` of the driver. This is
several times as fast as executing through SQLAlchemy and binds parameters in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from sinks.base import Refusal, SinkError, Store, Write
from sinks.records import RecordColumns
from sinks.sql import errors, forget, packets, records, repair, retention, schema
from sinks.sql.checks import check_tables
from sinks.sql.job_rows import JOB_WRITERS
from sinks.sql.names import named
from sinks.sql.rows import Lists, Rows, Target, target_for
from sinks.sql.upserts import upsert
from transforms.columns.frames import Frame
from transforms.messages.id_kinds import INTEGERS, IdKinds
from transforms.messages.record_fields import NO_FIELDS, RecordFields


class SqlStore(Store):
    """Tables in an SQL database.

    Args:
        name: the URL without secrets.
        engine: an SQLAlchemy engine.
        ids: the kinds of ids.
        fields: what records have beside an event's four fields.
        removes_old: whether old rows are removed, which needs indexes by time.
        prefix: what is before the names of the tables.
    """

    def __init__(
        self,
        name: str,
        engine: Engine,
        ids: IdKinds = INTEGERS,
        fields: RecordFields = NO_FIELDS,
        removes_old: bool = False,
        prefix: str = "",
    ) -> None:
        self.name, self.engine, self._fields = name, engine, fields
        self._removes_old, self._prefix = removes_old, prefix
        tables = schema.tables_for(ids, fields).sorted_tables
        self._tables = {table.name: named(table, prefix) for table in tables}
        self._is_checked = False

    def prepare(self) -> None:
        """Creates the tables that are missing, and checks those that exist."""
        tables = list(self._tables.values())
        for table in tables:
            try:
                table.create(self.engine, checkfirst=True)
            except sa.exc.DatabaseError:
                # Another worker may have created it since the check. Any other reason, such as a
                # lock, is the caller's to retry.
                if not sa.inspect(self.engine).has_table(table.name):
                    raise
        if not self._is_checked:
            check_tables(self.name, self.engine, tables)
            if self._removes_old:
                retention.create_indexes(self.engine, self._prefix)
            self._is_checked = True

    def writer(self, message_type: type[Any]) -> Write:
        """Upserts messages of this type into their table."""
        if message_type in JOB_WRITERS:
            return JOB_WRITERS[message_type](self.engine, self._prefix)
        target = target_for(message_type, self._fields)
        if target is None:
            raise SinkError(f"{self.name} has no table for {message_type.__name__}")
        dialect = self.engine.dialect
        names = [column.name for column in target.table.columns]
        statement = str(
            upsert(self._tables[target.table.name], dialect.name).compile(
                dialect=dialect, column_keys=names
            )
        )

        def write(frame: Frame) -> Sequence[Refusal]:
            with self.engine.connect() as connection:
                whole = dialect.name == "sqlite"
                if whole and _write_columns(connection, statement, target.columns(frame)):
                    return []
                rows = target.rows(frame)
                return [
                    refusal
                    for batch in ([rows] if whole else packets.batches(connection, rows))
                    for refusal in _write(connection, statement, batch, target)
                ]

        return write

    def is_outage(self, error: BaseException) -> bool:
        """Connections lost, refused or timed out; locks held too long; deadlocks."""
        return errors.is_outage(error)

    def remove_future(self, latest: int, dry_run: bool) -> dict[str, int]:
        """Removes what has a time after `latest`; returns how many rows by table."""
        return repair.remove_future(self.engine, latest, dry_run, self._prefix)

    def record_columns(self) -> RecordColumns:
        """What the rows of the table `record` have."""
        return records.record_columns(self.name, self.engine, self._prefix)

    def read_records(self) -> Iterator[pa.Table]:
        """The rows of the table `record`."""
        return records.read_records(self.name, self.engine, prefix=self._prefix)

    def remove_before(self, time: int) -> int:
        """Removes the rows of before a time."""
        return retention.remove_before(self.engine, time, self._prefix)

    def remove_user(self, ids: Sequence[int | str], dry_run: bool) -> dict[str, int]:
        """Removes all that is of one user."""
        return forget.remove_user(self.engine, ids, dry_run, self._prefix)

    def close(self) -> None:
        """Closes the pool."""
        self.engine.dispose()


def _write_columns(connection: Connection, statement: str, columns: Lists) -> bool:
    """Writes all rows in one transaction without a list of tuples; returns whether it succeeded.

    On failure `_write` finds the cause and the rows.
    """
    driver = connection.connection
    try:
        with connection.begin():
            driver.cursor().executemany(statement, zip(*columns, strict=True))  # type: ignore[arg-type]
    except (connection.dialect.loaded_dbapi.Error, OverflowError):
        return False
    return True


def _write(connection: Connection, statement: str, rows: Rows, target: Target) -> Iterator[Refusal]:
    """Writes rows in one transaction; a refused one is written in halves, down to single rows."""
    try:
        with connection.begin():
            connection.exec_driver_sql(statement, rows)
    except (sa.exc.DBAPIError, OverflowError) as error:
        if packets.is_too_large(connection, rows, error):
            connection.invalidate()  # The server has closed it, or will.
        elif not errors.is_refusal(error):
            raise
        if len(rows) == 1:
            row = dict(zip((c.name for c in target.table.columns), rows[0], strict=True))
            why = str(getattr(error, "orig", error))
            yield Refusal(target.table.name, row, why, int(row[target.time]))
            return
        half = len(rows) // 2
        yield from _write(connection, statement, rows[:half], target)
        yield from _write(connection, statement, rows[half:], target)
