"""Stores: one bulk-writing sink for each kind of URL.

`sinks.open_source(url)` picks the store and `sinks.base.WriteTo` writes frames to it;
`WriteToMongo`, `WriteToSql` and `WriteToRedis` are the same by name.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sinks.transforms import WriteToMongo, WriteToRedis, WriteToSql
    from sinks.urls import open_source

__all__ = ["WriteToMongo", "WriteToRedis", "WriteToSql", "open_source"]


def __getattr__(name: str) -> Any:
    """Loads what is asked for: who only wants the tables' names need not wait for Beam."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "sinks.urls" if name == "open_source" else "sinks.transforms"
    return getattr(importlib.import_module(home), name)
