"""`userConsumed`: each user's different items in order of first consumption, in MongoDB.

An item keeps its earliest time, and items stand by time and then item id. The minimum and the
order do not depend on who comes first, so that events that are repeated, re-ordered or split
end in the same document.

What comes is first compared with the documents as they are: nothing new is nothing to write, and
what is later than all that is there is put behind it, if the document is then still as it was
seen: many users' documents by one statement, since the server takes longer to plan a statement
with conditions than to do it. All else is merged, a user a statement, which takes longest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from pymongo import InsertOne, UpdateMany, UpdateOne

from transforms.events import EventBatch
from transforms.ranges import run_starts

Document = dict[str, Any]
Consumed = tuple[int, list[list[int]]]
"""A user and [time, item] of each of the user's items, ascending."""


@dataclass(frozen=True, slots=True)
class Append:
    """What is to be put behind all that a user's document was seen to hold.

    Attributes:
        consumed: the user and all that came of the user.
        size: items that the document held.
        last: [time, item] of the last of them.
        news: [time, item] of those to be put behind it.
    """

    consumed: Consumed
    size: int
    last: list[int]
    news: list[list[int]]


Change = InsertOne[Document] | UpdateOne | Append


def first_consumptions(events: EventBatch) -> list[Consumed]:
    """Per user, ascending: every different item with its earliest time."""
    events = events.take(np.lexsort((events.time, events.item, events.user)))
    events = events.take(run_starts(events.user, events.item))
    events = events.take(np.lexsort((events.item, events.time, events.user)))
    starts = run_starts(events.user)
    pairs = np.stack((events.time, events.item), axis=1).tolist()
    ends = np.append(starts[1:], len(events)).tolist()
    return [
        (user, pairs[start:end])
        for user, start, end in zip(
            events.user[starts].tolist(), starts.tolist(), ends, strict=True
        )
    ]


def change(consumed: Consumed, document: Document | None) -> Change | None:
    """What makes a user's document hold the user's items too.

    Args:
        consumed: the user and the items.
        document: as it was seen, or None where there was none.

    Returns:
        None if it holds them already. An insert is refused over the document's key if there is
        one meanwhile: then `merge` is to be done.
    """
    user, pairs = consumed
    if document is None:
        return InsertOne({"_id": user, "user": user, **_columns(pairs)})
    items, times = document.get("consumed", []), document.get("time", [])
    if not items or len(items) != len(times):
        return merge(consumed)
    known = dict(zip(items, times, strict=True))
    news = [pair for pair in pairs if known.get(pair[1], pair[0] + 1) > pair[0]]
    if not news:
        return None
    if news[0] < [times[-1], items[-1]] or any(pair[1] in known for pair in news):
        return merge(consumed)
    return Append(consumed, len(items), [times[-1], items[-1]], news)


def append(appends: list[Append]) -> UpdateMany:
    """One statement for many users; it leaves documents alone that are not as they were seen."""
    users = [one.consumed[0] for one in appends]
    rows = [{"size": one.size, "last": one.last, **_columns(one.news)} for one in appends]
    row = {"$arrayElemAt": [{"$literal": rows}, {"$indexOfArray": [{"$literal": users}, "$_id"]}]}
    appended = {"$let": {"vars": {"row": row}, "in": _APPENDED}}
    return UpdateMany({"_id": {"$in": users}}, [{"$replaceWith": appended}])


def _columns(pairs: list[list[int]]) -> dict[str, list[int]]:
    return {"consumed": [pair[1] for pair in pairs], "time": [pair[0] for pair in pairs]}


def merge(consumed: Consumed) -> UpdateOne:
    """The update that merges a user's items into the user's document, or makes it.

    A document that holds all of the items, none later, is left as it is.
    """
    user, pairs = consumed
    return UpdateOne({"_id": user}, _pipeline(user, pairs), upsert=True)


def _pipeline(user: int, pairs: list[list[int]]) -> list[dict[str, Any]]:
    return [
        {"$set": {"user": user, "_new": {"$filter": {**_IS_NEWS, "input": {"$literal": pairs}}}}},
        {"$set": {"_all": _MERGED}},
        _BACK_TO_COLUMNS,
        {"$unset": ["_new", "_all"]},
    ]


def _pair(name: str, place: int) -> dict[str, Any]:
    return {"$arrayElemAt": [name, place]}


_AS_SEEN = [
    {"$eq": [{"$size": "$consumed"}, "$$row.size"]},
    {"$eq": [[_pair("$time", -1), _pair("$consumed", -1)], "$$row.last"]},
]
_APPENDED = {
    "$cond": [
        {"$and": _AS_SEEN},
        {
            "$mergeObjects": [
                "$$ROOT",
                {
                    "consumed": {"$concatArrays": ["$consumed", "$$row.consumed"]},
                    "time": {"$concatArrays": ["$time", "$$row.time"]},
                },
            ]
        },
        "$$ROOT",
    ]
}
_ITEMS, _TIMES = {"$ifNull": ["$consumed", []]}, {"$ifNull": ["$time", []]}
_IS_NEWS = {
    "as": "new",
    "cond": {
        "$let": {
            "vars": {"at": {"$indexOfArray": [_ITEMS, _pair("$$new", 1)]}},
            "in": {
                "$or": [
                    {"$eq": ["$$at", -1]},
                    {"$gt": [{"$arrayElemAt": [_TIMES, "$$at"]}, _pair("$$new", 0)]},
                ]
            },
        }
    },
}
_NEW_ITEMS = {"$map": {"input": "$_new", "as": "new", "in": _pair("$$new", 1)}}
_ZIPPED = {"$zip": {"inputs": [_TIMES, _ITEMS]}}
_OLD = {
    "$let": {
        "vars": {"replaced": {"$setIntersection": [_NEW_ITEMS, _ITEMS]}},
        "in": {
            "$cond": [
                {"$eq": ["$$replaced", []]},
                _ZIPPED,
                {
                    "$filter": {
                        "input": _ZIPPED,
                        "as": "old",
                        "cond": {"$not": {"$in": [_pair("$$old", 1), "$$replaced"]}},
                    }
                },
            ]
        },
    }
}
_MERGED = {
    "$cond": [
        {"$eq": ["$_new", []]},
        None,
        # Pairs compare by time and then by item.
        {"$sortArray": {"input": {"$concatArrays": [_OLD, "$_new"]}, "sortBy": 1}},
    ]
}


def _column(name: str, place: int) -> dict[str, Any]:
    values = {"$map": {"input": "$_all", "as": "pair", "in": _pair("$$pair", place)}}
    return {"$cond": [{"$eq": ["$_all", None]}, name, values]}


_BACK_TO_COLUMNS = {"$set": {"consumed": _column("$consumed", 1), "time": _column("$time", 0)}}
