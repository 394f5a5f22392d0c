"""Writes `userConsumed`: merges on the server, inserts documents that are missing."""

from __future__ import annotations

from collections.abc import Iterator

from pymongo.collection import Collection

from sinks.base import Refusal
from sinks.mongo.bulk import DUPLICATE_KEY, bulk
from sinks.mongo.consumed import Consumed, document, first_consumptions, merge
from sinks.mongo.documents import Document
from transforms.messages.events import EventBatch

USERS_PER_BULK = 1_000
USERS_PER_STATEMENT = 250
"""Users whose documents one statement of a bulk merges."""


class ConsumedWriter:
    """Keeps a document for each user in a collection.

    Args:
        collection: `userConsumed`.
    """

    def __init__(self, collection: Collection[Document]) -> None:
        self._collection = collection

    def write(self, events: EventBatch) -> Iterator[Refusal]:
        """Merges the events into their users' documents; yields the users that were refused."""
        users = first_consumptions(events)
        for start in range(0, len(users), USERS_PER_BULK):
            yield from self._write_users(users[start : start + USERS_PER_BULK])

    def _write_users(self, users: list[Consumed]) -> Iterator[Refusal]:
        step = USERS_PER_STATEMENT
        groups = [users[at : at + step] for at in range(0, len(users), step)]
        matched, bad = self._merge(groups)
        # One document that cannot be changed stops its statement: its users are merged one by one.
        singles = [[one] for place in bad for one in groups[place]]
        refused = [(singles[place][0], why) for place, why in self._merge(singles)[1].items()]
        if matched < len(users):
            refused += self._insert_missing(users)
        for (user, pairs), why in refused:
            values = {
                name: value for name, value in document((user, pairs)).items() if name != "_id"
            }
            yield Refusal("userConsumed", values, why, pairs[-1][0])

    def _merge(self, groups: list[list[Consumed]]) -> tuple[int, dict[int, str]]:
        """How many documents matched, and the message for each group that was refused."""
        matched = 0

        def write() -> None:
            nonlocal matched
            statements = [merge(group) for group in groups]
            matched = self._collection.bulk_write(statements, ordered=False).matched_count

        bad = bulk(write) if groups else {}
        return matched, {place: why for place, (_, why) in bad.items()}

    def _insert_missing(self, users: list[Consumed]) -> list[tuple[Consumed, str]]:
        """Inserts the documents that are missing; returns the users refused, and why."""
        ids = [user for user, _ in users]
        found = {row["_id"] for row in self._collection.find({"_id": {"$in": ids}}, {"_id": True})}
        missing = [one for one in users if one[0] not in found]
        if not missing:
            return []
        documents = list(map(document, missing))
        bad = bulk(lambda: self._collection.insert_many(documents, ordered=False))
        # Another worker has inserted these since the look-up.
        others = [[missing[place]] for place, (code, _) in bad.items() if code == DUPLICATE_KEY]
        refused = [
            (missing[place], why) for place, (code, why) in bad.items() if code != DUPLICATE_KEY
        ]
        return refused + [(others[place][0], why) for place, why in self._merge(others)[1].items()]
