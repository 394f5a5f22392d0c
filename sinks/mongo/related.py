"""The collection of related items: the newest list of each item."""

from __future__ import annotations

import json
from collections.abc import Sequence

from pymongo import UpdateOne

from sinks.base import Refusal, Write
from sinks.mongo.bulk import DUPLICATE_KEY, bulk
from sinks.mongo.collections import Collections
from sinks.rows import item_ids, json_items
from transforms.messages.related import RelatedItems
from transforms.messages.related_kinds import KINDS

NAME = "related"
"""The collection."""


def related_writer(collections: Collections) -> Write:
    """The function that writes lists to `related`: {_id: "KIND:item", kind, item, time, ...}.

    `items` and `counts` are lists, best first.
    """

    def write(rows: RelatedItems) -> Sequence[Refusal]:
        documents = [
            {
                "kind": KINDS[kind],
                "item": item,
                "time": time,
                "items": json.loads(items),
                "counts": counts[:length],
            }
            for kind, item, time, items, counts, length in zip(
                rows.kind.tolist(), item_ids(rows, rows.item), rows.time.tolist(),
                json_items(rows), rows.counts.tolist(), rows.length.tolist(),
                strict=True,
            )
        ]  # fmt: skip
        # Where the collection has a newer list, the update finds none that is older, and its
        # insert fails because the list is there.
        updates = [
            UpdateOne(
                {
                    "_id": f"{document['kind']}:{document['item']}",
                    "time": {"$lte": document["time"]},
                },
                {"$set": document},
                upsert=True,
            )
            for document in documents
        ]
        bad = bulk(lambda: collections[NAME].bulk_write(updates, ordered=False))
        return [
            Refusal(NAME, documents[place], why, documents[place]["time"])
            for place, (code, why) in bad.items()
            if code != DUPLICATE_KEY
        ]

    return write
