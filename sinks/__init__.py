"""Stores: one bulk-writing sink for each kind of URL.

`sinks.open_source(url)` picks the store and `sinks.base.WriteTo` writes frames to it;
`WriteToMongo`, `WriteToSql` and `WriteToRedis` are the same by name.
"""

from sinks.transforms import WriteToMongo, WriteToRedis, WriteToSql
from sinks.urls import open_source

__all__ = ["WriteToMongo", "WriteToRedis", "WriteToSql", "open_source"]
