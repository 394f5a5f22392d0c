"""Removes documents of the future from MongoDB, and consumptions of the future from documents."""

from __future__ import annotations

from typing import Any

from sinks.mongo.collections import Collections
from sinks.mongo.retention import TIMES

Document = dict[str, Any]


def remove_future(database: Collections, latest: int, dry_run: bool) -> dict[str, int]:
    """Removes what has a time after `latest`; returns how many documents by collection.

    A document of `userConsumed` loses its items of the future, and is removed if it has no others.
    """
    later = {"$gt": latest}
    removed = {}
    for name, field in TIMES.items():
        query = {field: later}
        if dry_run:
            removed[name] = database[name].count_documents(query)
        else:
            removed[name] = database[name].delete_many(query).deleted_count
    consumed = database["userConsumed"]
    removed["userConsumed"] = consumed.count_documents({"time": later})
    if removed["userConsumed"] and not dry_run:
        consumed.update_many({"time": later}, _without(latest))
        consumed.delete_many({"time": []})
    return removed


def _without(latest: int) -> list[Document]:
    pairs = {"$zip": {"inputs": ["$time", "$consumed"]}}
    is_valid = {"$lte": [{"$arrayElemAt": ["$$pair", 0]}, latest]}
    kept = {"$filter": {"input": pairs, "as": "pair", "cond": is_valid}}

    def column(place: int) -> Document:
        return {"$map": {"input": kept, "as": "pair", "in": {"$arrayElemAt": ["$$pair", place]}}}

    return [{"$set": {"time": column(0), "consumed": column(1)}}]
