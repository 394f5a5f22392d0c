"""PostgreSQL's errors by their SQLSTATE, and the settings of its connections.

The codes: https://www.postgresql.org/docs/current/errcodes-appendix.html.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

_OUTAGE_CLASSES = ("08", "40", "53", "58")
"""Connections, serialization and deadlocks, resources (disk, memory, connections), the system."""
_OUTAGES = frozenset({"55P03", "55006", "25006", "57014", "57P01", "57P02", "57P03", "57P05"})
"""Locks, a read-only replica, a canceled statement, shutdowns and starts."""

_REFUSAL_CLASSES = ("22", "23", "54")
"""Values, constraints, and limits such as the size of an index entry."""
_REFUSALS = frozenset({"P0001", "44000"})
"""An exception that a trigger raises, and a view's check."""

_NOT_CONNECTED_FOR_GOOD = (
    "authentication failed",
    "no pg_hba.conf entry",
    "does not exist",
    "no password supplied",
    "permission denied",
)
"""What libpq says of connections that the server refuses: these errors have no SQLSTATE."""

TIMEOUTS = MappingProxyType(
    {
        "connect_timeout": 10,
        # Milliseconds without an acknowledgement after which a connection is given up.
        "tcp_user_timeout": 120_000,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 6,
    }
)
"""Otherwise a server that is gone is waited for for many minutes; seconds unless said."""


def sqlstate(error: sa.exc.DBAPIError) -> str | None:
    """The SQLSTATE; None for an error of the connection, or of another database's driver."""
    state: Any = getattr(error.orig, "sqlstate", None)
    return state if isinstance(state, str) else None


def is_outage(error: sa.exc.DBAPIError) -> bool:
    """Whether the server is expected to recover from an error of psycopg's."""
    state = sqlstate(error)
    if state is not None:
        return state.startswith(_OUTAGE_CLASSES) or state in _OUTAGES
    if not isinstance(error, (sa.exc.OperationalError, sa.exc.InterfaceError)):
        return False
    text = str(error.orig)
    return not any(words in text for words in _NOT_CONNECTED_FOR_GOOD)


def is_refusal(error: sa.exc.DBAPIError) -> bool:
    """Whether an error is about the values of a row."""
    state = sqlstate(error)
    return state is not None and (state.startswith(_REFUSAL_CLASSES) or state in _REFUSALS)
