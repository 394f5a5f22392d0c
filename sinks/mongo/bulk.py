"""Bulk writes to MongoDB, and what their errors mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    OperationFailure,
    PyMongoError,
    WaitQueueTimeoutError,
)

DUPLICATE_KEY = 11000

_OUTAGES = frozenset(
    {
        *(6, 7, 89, 9001),  # The network.
        *(91, 11600, 11602, 10107, 13435, 13436, 189),  # Shutdown, or another primary.
        *(24, 46, 50, 112, 251, 262, 14031, 39),  # Locks, time limits, conflicts, a full disk.
    }
)
"""Codes of temporary errors: https://github.com/mongodb/mongo, error_codes.yml."""


def bulk(write: Callable[[], Any]) -> dict[int, tuple[int, str]]:
    """Calls a bulk write; returns the code and message of each refused row by its index.

    Raises:
        PyMongoError: the write failed as a whole, or for a row because of an outage.
    """
    try:
        write()
    except BulkWriteError as error:
        return refused_rows(error)
    return {}


def refused_rows(error: BulkWriteError) -> dict[int, tuple[int, str]]:
    """The code and message of each refused row by its index.

    Raises:
        BulkWriteError: some rows failed because of an outage.
    """
    details = error.details or {}
    errors = details.get("writeErrors", [])
    if details.get("writeConcernErrors") or any(e.get("code") in _OUTAGES for e in errors):
        raise error
    return {e["index"]: (e.get("code", 0), str(e.get("errmsg", ""))) for e in errors}


def is_outage(error: BaseException) -> bool:
    """No connection, no primary, a shutdown, a full disk: errors that are temporary."""
    if isinstance(error, BulkWriteError):
        # `bulk` raises it for outages alone.
        return True
    if isinstance(error, OperationFailure):
        return error.code in _OUTAGES
    return isinstance(error, (ConnectionFailure, WaitQueueTimeoutError)) or (
        isinstance(error, PyMongoError) and error.timeout
    )
