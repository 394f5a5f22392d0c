"""Stores: bulk writes to SQL databases, MongoDB and Redis, and to stores that users add.

`open_source(url)` returns the source of a store, and `WriteTo(source, frame_type)` writes frames to
it. `WriteToMongo`, `WriteToSql` and `WriteToRedis` take a URL.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sinks.by_name import WriteToMongo, WriteToRedis, WriteToSql
    from sinks.urls import open_source
    from sinks.write import WriteTo

__all__ = ["WriteTo", "WriteToMongo", "WriteToRedis", "WriteToSql", "open_source"]

_MODULES = {"open_source": "sinks.urls", "WriteTo": "sinks.write"}


def __getattr__(name: str) -> Any:
    """Imports a name when it is used: the tables' names alone do not need Beam."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES.get(name, "sinks.by_name")), name)
