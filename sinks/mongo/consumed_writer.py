"""Writes `userConsumed`: small documents are merged on the server, large ones in this process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pymongo.collection import Collection
from pymongo.errors import BulkWriteError

from sinks.base import Refusal
from sinks.mongo.bulk import refused_rows
from sinks.mongo.consumed import Consumed, document, first_consumptions, merge
from sinks.mongo.documents import Document
from sinks.mongo.large_documents import Refused, merge_large
from transforms.messages.events import EventBatch

USERS_PER_BULK = 1_000
USERS_PER_STATEMENT = 250
"""Users whose documents one statement of a bulk merges."""

SERVER_LIMITS = ((4, 8_192), (32, 1_024))
"""New items of a user, and items of the document, up to which the server merges. Their product
bounds the server's comparisons, of half a microsecond each."""


class _Group(NamedTuple):
    users: list[Consumed]
    largest: int


class ConsumedWriter:
    """Keeps a document for each user in a collection.

    Args:
        collection: `userConsumed`.
        most: items that a document may have; the earliest are kept.
    """

    def __init__(self, collection: Collection[Document], most: int) -> None:
        self._collection, self._most = collection, most

    def write(self, events: EventBatch) -> Iterator[Refusal]:
        """Merges the events into their users' documents; yields the users that were refused."""
        users = first_consumptions(events)
        for start in range(0, len(users), USERS_PER_BULK):
            for consumed, why in self._write_users(users[start : start + USERS_PER_BULK]):
                row = document(consumed, self._most)
                del row["_id"]
                yield Refusal("userConsumed", row, why, consumed[1][-1][0])

    def _write_users(self, users: list[Consumed]) -> Refused:
        groups, others = self._groups(users)
        matched, bad = self._merge(groups)
        good = [group for place, group in enumerate(groups) if place not in bad]
        # One document that cannot be changed stops its statement: its users are merged one by one.
        singles = [
            _Group([one], groups[place].largest) for place in bad for one in groups[place].users
        ]
        more, refused_singles = self._merge(singles)
        merged = [one for group in good for one in group.users]
        merged += [
            one.users[0] for place, one in enumerate(singles) if place not in refused_singles
        ]
        if matched + more < len(merged):
            # Other workers have made some of the documents too large since they were looked at.
            others += merged
        refused = [(singles[place].users[0], why) for place, why in refused_singles.items()]
        return refused + merge_large(self._collection, others, self._most)

    def _groups(self, users: list[Consumed]) -> tuple[list[_Group], list[Consumed]]:
        """Groups of users for the server's merge, and users for `merge_large`.

        A full document needs no merge if all new items are later than its last.
        """
        ids = [user for user, _ in users]
        found = {one["_id"]: one for one in self._collection.find({"_id": {"$in": ids}}, _SUMMARY)}
        by_limit: dict[int, list[Consumed]] = {}
        others = []
        for one in users:
            user, pairs = one
            if user not in found:
                others.append(one)
                continue
            known, last = found[user]["size"], found[user]["last"]
            limit = self._server_limit(len(pairs))
            if known >= self._most and last and pairs[0] > last:
                continue
            if known <= limit:
                by_limit.setdefault(limit, []).append(one)
            else:
                others.append(one)
        step = USERS_PER_STATEMENT
        groups = [
            _Group(chosen[at : at + step], limit)
            for limit, chosen in by_limit.items()
            for at in range(0, len(chosen), step)
        ]
        return groups, others

    def _server_limit(self, new: int) -> int:
        """Items of a document into which the server merges so many new ones; -1 for none."""
        for most_new, known in SERVER_LIMITS:
            if new <= most_new:
                return max(-1, min(known, self._most - most_new))
        return -1

    def _merge(self, groups: list[_Group]) -> tuple[int, dict[int, str]]:
        """How many documents matched, and the message for each group that was refused."""
        if not groups:
            return 0, {}
        statements = [merge(users, largest) for users, largest in groups]
        try:
            return self._collection.bulk_write(statements, ordered=False).matched_count, {}
        except BulkWriteError as error:
            bad = {place: why for place, (_, why) in refused_rows(error).items()}
            return error.details["nMatched"], bad


def _is_number(value: Document) -> Document:
    return {"$isNumber": value}


def _is_id(value: Document) -> Document:
    return {"$or": [_is_number(value), {"$eq": [{"$type": value}, "string"]}]}


_LISTS = [{"$isArray": "$consumed"}, {"$isArray": "$time"}]
_LAST = [{"$arrayElemAt": [name, -1]} for name in ("$time", "$consumed")]
_SUMMARY = {
    "size": {"$cond": [_LISTS[0], {"$size": "$consumed"}, 0]},
    "last": {"$cond": [{"$and": [*_LISTS, _is_number(_LAST[0]), _is_id(_LAST[1])]}, _LAST, None]},
}
"""Of a document: how many items it has, and its last time and item."""
