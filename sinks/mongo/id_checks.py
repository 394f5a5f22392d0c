"""Checks that the documents of a database have ids of the job's kinds, before any is written."""

from __future__ import annotations

from sinks.base import SinkError
from sinks.mongo.collections import Collections
from transforms.messages.id_kinds import TEXT, IdKinds


def check_ids(name: str, database: Collections, ids: IdKinds) -> None:
    """Looks at one document of each collection.

    Args:
        name: the store's URL without secrets.
        database: the job's collections.
        ids: the kinds of the job's ids.

    Raises:
        SinkError: a document has ids of another kind.
    """
    fields = {
        "records": {"user": ids.user, "item": ids.item},
        "recommendResults": {"user": ids.user, "itemRec": ids.item},
        "popular": {"items.item": ids.item},
    }
    for collection, kinds in fields.items():
        for field, kind in kinds.items():
            other = ["int", "long", "double"] if kind == TEXT else ["string"]
            # Of an array, the type of its values is looked at.
            if database[collection].find_one({field: {"$type": other}}, {"_id": 1}) is not None:
                raise SinkError(
                    f"{name}: {field} of collection {collection} has ids of another kind than this "
                    f"job's, which are {kind}: name another database or a prefix (?prefix=), or "
                    "remove the collection"
                )
