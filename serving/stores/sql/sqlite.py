"""Read-only connections to a SQLite file that other processes write, with a time limit."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

_STEPS_BETWEEN_CHECKS = 10_000


def connector(path: Path, timeout: float) -> Callable[[], sqlite3.Connection]:
    """A function that opens the file for one query.

    A connection can be used for `timeout` seconds. SQLite interrupts a query that takes longer,
    so that no thread outlives its request.

    Args:
        path: the file; it is never created.
        timeout: seconds, for waiting for a lock and for the query.
    """
    address = f"file:{quote(str(path.absolute()))}?mode=ro"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(address, uri=True, timeout=timeout, check_same_thread=False)
        deadline = time.monotonic() + timeout
        connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS_BETWEEN_CHECKS)
        return connection

    return connect
