"""The collection of the catalogue's items: the newest row of each, for the API."""

from __future__ import annotations

from collections.abc import Sequence

from pymongo import UpdateOne

from sinks.base import Refusal, Write
from sinks.mongo.bulk import DUPLICATE_KEY, bulk
from sinks.mongo.collections import Collections
from transforms.messages.catalogue_items import CatalogueItems

ITEMS_PER_BULK = 5_000


def items_writer(collections: Collections) -> Write:
    """The function that writes items to `items`: {_id: item, updated, available, details}."""

    def write(rows: CatalogueItems) -> Sequence[Refusal]:
        refused = []
        columns = list(zip(rows.items, rows.updated, rows.available, rows.details, strict=True))
        for start in range(0, len(columns), ITEMS_PER_BULK):
            part = columns[start : start + ITEMS_PER_BULK]
            # Where the collection has a newer row, the update finds none that is older, and its
            # insert fails because the item is there.
            updates = [
                UpdateOne(
                    {"_id": item, "updated": {"$lte": updated}},
                    {"$set": {"updated": updated, "available": available, "details": details}},
                    upsert=True,
                )
                for item, updated, available, details in part
            ]
            bad = bulk(lambda updates=updates: collections["items"].bulk_write(updates, False))  # type: ignore[misc]
            refused += [
                Refusal("items", {"item": part[place][0]}, why, part[place][1])
                for place, (code, why) in bad.items()
                if code != DUPLICATE_KEY
            ]
        return refused

    return write
