"""Removes old documents from MongoDB, a minute of event time with each command."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from pymongo import ASCENDING

from sinks.mongo.collections import Collections

TIMES = MappingProxyType(
    {"records": "time", "popular": "_id", "related": "time", "recommendResults": "time"}
)
"""The field of each collection that is event time."""

SLICE = 60
"""Seconds of event time whose documents are removed by one command."""

_EARLIEST = "time.0"
"""The earliest consumption of a document of `userConsumed`, whose times ascend."""


def create_indexes(database: Collections) -> None:
    """Creates the indexes by time that are missing."""
    for name, field in TIMES.items():
        if field != "_id":
            database[name].create_index([(field, ASCENDING)])
    database["userConsumed"].create_index([(_EARLIEST, ASCENDING)])


def remove_before(database: Collections, time: int) -> int:
    """Removes the documents that are before a time, and the items of `userConsumed` that are.

    Args:
        database: the job's collections.
        time: seconds since the epoch.

    Returns:
        How many documents were removed or, of `userConsumed`, changed.
    """
    removed = 0
    for name, field in TIMES.items():
        while oldest := database[name].find_one({field: {"$lt": time}}, sort=[(field, ASCENDING)]):
            until = min(int(oldest[field]) + SLICE, time)
            removed += database[name].delete_many({field: {"$lt": until}}).deleted_count
    consumed = database["userConsumed"]
    is_old = {_EARLIEST: {"$lt": time}}
    removed += consumed.update_many(is_old, _without_before(time)).modified_count
    consumed.delete_many({"time": []})
    return removed


def _without_before(time: int) -> list[dict[str, Any]]:
    """Times ascend: those that are kept are the last ones."""
    count = {"$size": {"$filter": {"input": "$time", "cond": {"$gte": ["$$this", time]}}}}

    def last(field: str) -> dict[str, Any]:
        kept = {"$slice": [field, {"$multiply": [-1, "$$count"]}]}
        return {"$cond": [{"$eq": ["$$count", 0]}, [], kept]}

    def column(field: str) -> dict[str, Any]:
        return {"$let": {"vars": {"count": count}, "in": last(field)}}

    return [{"$set": {"time": column("$time"), "consumed": column("$consumed")}}]
