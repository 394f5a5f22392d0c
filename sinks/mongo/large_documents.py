"""Merges items into large documents of `userConsumed` in this process.

The time is linear in the size of a document, where the server's merge is quadratic. A document is
replaced only if it is still the one that was read; otherwise it is read and merged again.
"""

from __future__ import annotations

from typing import Any

from pymongo import UpdateOne
from pymongo.collection import Collection

from sinks.mongo.bulk import DUPLICATE_KEY, bulk
from sinks.mongo.consumed import Consumed, document
from sinks.mongo.documents import Document

USERS_PER_READ = 16
"""Documents in memory at a time; each may have megabytes."""

MOST_ATTEMPTS = 1_000
"""Attempts while other workers change the same documents."""

Refused = list[tuple[Consumed, str]]
"""Users whose documents could not be changed, and why."""


def merge_large(collection: Collection[Document], users: list[Consumed], most: int) -> Refused:
    """Merges users' items into their documents, and inserts those that are missing.

    Args:
        collection: `userConsumed`.
        users: users and their items.
        most: items that a document may have.

    Returns:
        The users that were refused.
    """
    refused: Refused = []
    for start in range(0, len(users), USERS_PER_READ):
        pending = users[start : start + USERS_PER_READ]
        for _ in range(MOST_ATTEMPTS):
            if not pending:
                break
            pending = _attempt(collection, pending, most, refused)
        else:
            ids = [user for user, _ in pending]
            raise RuntimeError(f"userConsumed: users {ids} change faster than they can be merged")
    return refused


def merged(found: Document, pairs: list[list[Any]], most: int) -> list[tuple[int, Any]] | None:
    """The pairs (time, item) of a document after a merge, None where it stays as it is.

    Args:
        found: the document.
        pairs: [time, item] of new items.
        most: items that the document may have.

    Raises:
        TypeError: the document's items are no list.
    """
    items, times = found.get("consumed") or [], found.get("time") or []
    if not isinstance(items, list) or not isinstance(times, list):
        raise TypeError("consumed and time must be arrays")
    earliest = dict(zip(items, times, strict=False))
    for time, item in pairs:
        earliest[item] = min(time, earliest.get(item, time))
    # Known pairs are in order already, which makes sorting fast.
    after = sorted([(time, item) for item, time in earliest.items()])[:most]
    before = list(zip(times, items, strict=False))
    return None if after == before and len(items) == len(times) else after


def _attempt(
    collection: Collection[Document], users: list[Consumed], most: int, refused: Refused
) -> list[Consumed]:
    """Merges the users once; returns those whose documents were changed by another worker."""
    ids = [user for user, _ in users]
    documents = {found["_id"]: found for found in collection.find({"_id": {"$in": ids}})}
    changes: list[UpdateOne] = []
    changed: list[Consumed] = []
    missing = []
    for one in users:
        user, pairs = one
        if user not in documents:
            missing.append(one)
            continue
        found = documents[user]
        try:
            after = merged(found, pairs, most)
        except TypeError as error:
            refused.append((one, str(error)))
            continue
        if after is not None:
            same = {"_id": user, "consumed": found.get("consumed"), "time": found.get("time")}
            values = {
                "user": user,
                "consumed": [item for _, item in after],
                "time": [time for time, _ in after],
            }
            changes.append(UpdateOne(same, {"$set": values}))
            changed.append(one)
    again: list[Consumed] = []
    if missing:
        rows = [document(one, most) for one in missing]
        bad = bulk(lambda: collection.insert_many(rows, ordered=False))
        for place, (code, why) in bad.items():
            if code == DUPLICATE_KEY:
                again.append(missing[place])
            else:
                refused.append((missing[place], why))
    if changes:
        return again + _change(collection, changes, changed, refused)
    return again


def _change(
    collection: Collection[Document],
    changes: list[UpdateOne],
    users: list[Consumed],
    refused: Refused,
) -> list[Consumed]:
    matched = 0

    def write() -> None:
        nonlocal matched
        matched = collection.bulk_write(changes, ordered=False).matched_count

    bad = bulk(write)
    refused += [(users[place], why) for place, (_, why) in bad.items()]
    if not bad and matched == len(changes):
        return []
    # Which ones did not match is not known: a document that was changed stays as it is next time.
    return [one for place, one in enumerate(users) if place not in bad]
