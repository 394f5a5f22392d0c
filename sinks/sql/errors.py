"""Classes of SQL errors: outages are retried, refusals become dead letters, others end the job."""

from __future__ import annotations

import sqlalchemy as sa

from sinks.sql import postgres

_MYSQL_OUTAGES = frozenset(
    {
        *(1020, 1205, 1213),  # Row changed since it was read, lock wait timeout, deadlock.
        *(1040, 1041, 1203, 1226),  # Too many connections, no memory.
        *(1021, 1114, 1030, 1180),  # Disk full, or an error of the storage engine.
        *(1053, 1077, 1078, 1079, 1152, 1184, 1317, 1927, 3169),  # Shutting down, aborted, killed.
        *(1158, 1159, 1160, 1161),  # The network.
        *(1047, 1290, 1792, 1836),  # Not ready, or read-only during a failover.
    }
)
"""Errors of the server that are temporary: https://mariadb.com/kb/en/mariadb-error-codes/."""

_MYSQL_REFUSES = frozenset({1364, 1366, 1406, 1264, 3819, 4025, 4078})
"""Errors of a row's values that PyMySQL raises as OperationalError: checks and ranges."""

_SQLITE_OUTAGES = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_PROTOCOL")


def is_outage(error: BaseException) -> bool:
    """Whether the store is expected to recover from `error`.

    A wrong password, a missing database and a missing table are not outages: they end the job with
    the store's message.
    """
    if isinstance(error, sa.exc.TimeoutError):  # No connection of the pool became free.
        return True
    if not isinstance(error, sa.exc.DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    if _is_psycopg(error):
        return postgres.is_outage(error)
    if isinstance(error, (sa.exc.DataError, sa.exc.IntegrityError, sa.exc.ProgrammingError)):
        return False
    if not isinstance(
        error, (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.InternalError)
    ):
        return False
    sqlite_name = getattr(error.orig, "sqlite_errorname", None)
    if sqlite_name is not None:
        return str(sqlite_name).startswith(_SQLITE_OUTAGES)
    number = error_number(error)
    # Numbers below 1000 and from 2000 on are errors of the client's connection.
    return number is None or number < 1000 or 2000 <= number < 3000 or number in _MYSQL_OUTAGES


def is_refusal(error: BaseException) -> bool:
    """Whether `error` is about the values of a row."""
    if isinstance(error, OverflowError):  # SQLite's driver: an integer of more than 64 bits.
        return True
    if isinstance(error, (sa.exc.DataError, sa.exc.IntegrityError)):
        return True
    if isinstance(error, sa.exc.DBAPIError) and _is_psycopg(error):
        return postgres.is_refusal(error)
    return isinstance(error, sa.exc.OperationalError) and error_number(error) in _MYSQL_REFUSES


def _is_psycopg(error: sa.exc.DBAPIError) -> bool:
    return type(error.orig).__module__.startswith("psycopg")


def error_number(error: sa.exc.DBAPIError) -> int | None:
    """MySQL's number of the error; errors of other drivers have none."""
    first = error.orig.args[0] if error.orig is not None and error.orig.args else None
    return first if isinstance(first, int) else None
