"""`userConsumed`: each user's distinct items in order of first consumption.

An item has its earliest time, and items are ordered by time and then item id. The minimum and the
order do not depend on the order of arrival, so that events that are repeated, reordered or split
result in the same document.

A document has at most `consumed_max` items, the earliest ones. These do not depend on the order of
arrival either: an item that is dropped would be dropped from every larger set too.

One statement merges the items of many users into their documents on the server. Items that are
later than all items of a document, which is the common case, are appended. A document that already
has all of the items stays as it is. The server compares each new item with each known one: large
documents are excluded here and merged by `large_documents`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pymongo import UpdateMany

from sinks.rows import item_ids, user_ids
from transforms.columns.id_names import item_ranks
from transforms.columns.ranges import run_starts
from transforms.messages.events import EventBatch

Document = dict[str, Any]
Id = int | str
Consumed = tuple[Id, list[list[Any]]]
"""A user, and [time, item] of each of the user's items, ascending."""


def first_consumptions(events: EventBatch) -> list[Consumed]:
    """For each user, ascending: the distinct items with their earliest times."""
    events = events.take(np.lexsort((events.time, events.item, events.user)))
    events = events.take(run_starts(events.user, events.item))
    item = item_ranks(events.own_names(), events.item)
    events = events.take(np.lexsort((item, events.time, events.user)))
    starts = run_starts(events.user)
    pairs = list(map(list, zip(events.time.tolist(), item_ids(events, events.item), strict=True)))
    ends = np.append(starts[1:], len(events)).tolist()
    users = user_ids(events, events.user[starts])
    return [
        (user, pairs[start:end])
        for user, start, end in zip(users, starts.tolist(), ends, strict=True)
    ]


def document(consumed: Consumed, most: int) -> Document:
    """The document of a user who has none, of the earliest `most` items."""
    user, pairs = consumed[0], consumed[1][:most]
    items, times = [pair[1] for pair in pairs], [pair[0] for pair in pairs]
    return {"_id": user, "user": user, "consumed": items, "time": times}


def merge(users: list[Consumed], largest: int) -> UpdateMany:
    """One statement that merges the users' items into their documents.

    Args:
        users: users and their items.
        largest: documents with more items than this are not changed.
    """
    ids = [user for user, _ in users]
    place = {"$indexOfArray": [{"$literal": ids}, "$_id"]}
    row = {"$arrayElemAt": [{"$literal": [pairs for _, pairs in users]}, place]}
    merged = {"$let": {"vars": {"row": row}, "in": _MERGED}}
    is_small = {f"consumed.{largest}": {"$exists": False}}
    return UpdateMany({"_id": {"$in": ids}, **is_small}, [{"$replaceWith": merged}])


def _pair(name: str, place: int) -> Document:
    return {"$arrayElemAt": [name, place]}


def _column(pairs: str, place: int) -> Document:
    return {"$map": {"input": pairs, "as": "pair", "in": _pair("$$pair", place)}}


def _unless_empty(news: Document, changed: Document) -> Document:
    changed = {"$cond": [{"$eq": ["$$news", []]}, "$$ROOT", changed]}
    return {"$let": {"vars": {"news": news}, "in": changed}}


def _document(consumed: Document, time: Document) -> Document:
    columns = {"user": "$_id", "consumed": consumed, "time": time}
    return {"$mergeObjects": ["$$ROOT", columns]}


def _news(condition: Document) -> Document:
    return {"$filter": {"input": "$$row", "as": "new", "cond": condition}}


_ITEMS, _TIMES = {"$ifNull": ["$consumed", []]}, {"$ifNull": ["$time", []]}
_IS_LATER = {
    "$and": [
        {"$eq": [{"$size": _ITEMS}, {"$size": _TIMES}]},
        # Pairs compare by time and then by item.
        {"$gt": [_pair("$$row", 0), [_pair("$time", -1), _pair("$consumed", -1)]]},
    ]
}
_APPENDED = _unless_empty(
    _news({"$not": {"$in": [_pair("$$new", 1), _ITEMS]}}),
    _document(
        {"$concatArrays": [_ITEMS, _column("$$news", 1)]},
        {"$concatArrays": [_TIMES, _column("$$news", 0)]},
    ),
)
_IS_NEWS = {
    "$let": {
        "vars": {"at": {"$indexOfArray": [_ITEMS, _pair("$$new", 1)]}},
        "in": {
            "$or": [
                {"$eq": ["$$at", -1]},
                {"$gt": [{"$arrayElemAt": [_TIMES, "$$at"]}, _pair("$$new", 0)]},
            ]
        },
    }
}
_ZIPPED = {"$zip": {"inputs": [_TIMES, _ITEMS]}}
_REPLACED = {"$setIntersection": [_column("$$news", 1), _ITEMS]}
_IS_KEPT = {"$not": {"$in": [_pair("$$old", 1), "$$replaced"]}}
_KEPT = {
    "$let": {
        "vars": {"replaced": _REPLACED},
        "in": {
            "$cond": [
                {"$eq": ["$$replaced", []]},
                _ZIPPED,
                {"$filter": {"input": _ZIPPED, "as": "old", "cond": _IS_KEPT}},
            ]
        },
    }
}
_SORTED = {"$sortArray": {"input": {"$concatArrays": [_KEPT, "$$news"]}, "sortBy": 1}}
_WOVEN = _unless_empty(
    _news(_IS_NEWS),
    {
        "$let": {
            "vars": {"all": _SORTED},
            "in": _document(_column("$$all", 1), _column("$$all", 0)),
        }
    },
)
_MERGED = {"$cond": [_IS_LATER, _APPENDED, _WOVEN]}
