"""Removes a user's documents from MongoDB."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from sinks.mongo.collections import Collections

USERS = MappingProxyType({"records": "user", "userConsumed": "_id", "recommendResults": "user"})
"""The field of each collection that is the user; all of them have an index that begins with it."""


def remove_user(database: Collections, ids: Sequence[int | str], dry_run: bool) -> dict[str, int]:
    """Removes the documents of a user; returns how many by collection.

    Args:
        database: the job's collections.
        ids: the values that stand for the user.
        dry_run: count, and change nothing.
    """
    removed = {}
    for name, field in USERS.items():
        query = {field: {"$in": list(ids)}}
        if dry_run:
            removed[name] = database[name].count_documents(query)
        else:
            removed[name] = database[name].delete_many(query).deleted_count
    return removed
