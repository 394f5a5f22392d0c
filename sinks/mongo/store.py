"""MongoDB: records, users' first consumptions, rankings and recommendations."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pymongo
from pymongo import MongoClient, ReplaceOne
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    InvalidURI,
    OperationFailure,
    PyMongoError,
    WaitQueueTimeoutError,
)
from pymongo.uri_parser import parse_uri

from rivulet.urls import public_name
from sinks.base import Refusal, SinkError, Write
from sinks.mongo import documents as to_documents
from sinks.mongo import raw_bson
from sinks.mongo.consumed import Consumed, document, first_consumptions, merge
from sinks.mongo.documents import Document
from transforms.columns.frames import Frame
from transforms.messages.events import EventBatch
from transforms.messages.popular import PopularRows
from transforms.messages.recommendations import Recommendations

DEFAULT_DATABASE = "rivulet"
USERS = 1_000
"""Users whose documents are changed by a bulk."""
MERGES = 250
"""Users of a statement of it."""
PART = 1_250
"""Rows of a bulk."""
THREADS = 2
"""Bulks at a time."""

F = TypeVar("F", bound=Frame)

_DUPLICATE_KEY = 11000
_OUTAGES = frozenset(
    {
        *(6, 7, 89, 9001),  # The network.
        *(91, 11600, 11602, 10107, 13435, 13436, 189),  # Shutting down, another primary.
        *(24, 46, 50, 112, 251, 262, 14031, 39),  # Locks, time limits, conflicts, a full disk.
    }
)
"""Server errors that pass: https://github.com/mongodb/mongo, error_codes.yml."""


@dataclass(frozen=True, repr=False)
class MongoSource:
    """A `mongodb://` or `mongodb+srv://` URL; the database is `rivulet` where it names none.

    Attributes:
        url: with the password, if there is one.

    Raises:
        SinkError: pymongo does not take the URL.
    """

    url: str

    def __post_init__(self) -> None:
        # Where the options are read, not where a worker opens it (which looks up mongodb+srv's).
        if self.url.lower().startswith("mongodb://"):
            with self._in_words():
                parse_uri(self.url)

    @property
    def name(self) -> str:
        """The URL without its secrets."""
        return public_name(self.url)

    def open(self) -> MongoStore:
        """A store with a client, and its pool of connections, of its own.

        Raises:
            SinkError: pymongo does not take the URL.
        """
        with self._in_words():
            # Written means in the journal: what a crash could take back is not acknowledged.
            client: MongoClient[Document] = MongoClient(
                self.url, journal=True, serverSelectionTimeoutMS=5_000, appname="rivulet"
            )
            return MongoStore(self.name, client)

    @contextlib.contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except (InvalidURI, ConfigurationError, ValueError) as error:
            raise SinkError(f"{self.name} is no MongoDB URL: {error}") from None

    def __repr__(self) -> str:
        return f"MongoSource({self.name})"


class MongoStore:
    """Collections in a MongoDB database.

    Args:
        name: what messages call it.
        client: connected to the URL, whose database is taken.
    """

    def __init__(self, name: str, client: MongoClient[Document]) -> None:
        self.name, self._client = name, client
        self.database = client.get_default_database(DEFAULT_DATABASE)
        self._threads = ThreadPoolExecutor(THREADS, "mongo")

    def prepare(self) -> None:
        """Makes the indexes: by user and time, unique for recommendations."""
        by_user = [("user", pymongo.ASCENDING), ("time", pymongo.ASCENDING)]
        self.database["records"].create_index(by_user)
        self.database["recommendResults"].create_index(by_user, unique=True)

    def writer(self, frame_type: type[Frame]) -> Write:
        """Writes frames of this type in unordered bulks."""
        writers: dict[type[Frame], Write] = {
            EventBatch: self._write_events,
            PopularRows: self._write_rankings,
            Recommendations: self._write_recommendations,
        }
        if frame_type not in writers:
            raise SinkError(f"{self.name} has no collection for {frame_type.__name__}")
        return writers[frame_type]

    def is_outage(self, error: BaseException) -> bool:
        """No connection, no primary, shutting down, no room: all that passes."""
        if isinstance(error, BulkWriteError):
            # What is the rows' own fault was taken out before this was raised.
            return True
        if isinstance(error, OperationFailure):
            return error.code in _OUTAGES
        return isinstance(error, (ConnectionFailure, WaitQueueTimeoutError)) or (
            isinstance(error, PyMongoError) and error.timeout
        )

    def close(self) -> None:
        """Closes the pool."""
        self._threads.shutdown()
        self._client.close()

    def _write_events(self, events: EventBatch) -> Sequence[Refusal]:
        refusals = self._side_by_side(self._write_records, events)
        users = first_consumptions(events)
        for start in range(0, len(users), USERS):
            refusals += self._write_consumed(users[start : start + USERS])
        return refusals

    def _write_records(self, events: EventBatch) -> list[Refusal]:
        documents = to_documents.records(events)
        records = self.database["records"]
        bad = _bulk(lambda: records.insert_many(documents, ordered=False))
        return [
            Refusal("records", _without_id(documents[place]), why, documents[place]["time"])
            for place, (code, why) in bad.items()
            if code != _DUPLICATE_KEY  # It is there already.
        ]

    def _write_consumed(self, users: list[Consumed]) -> Iterator[Refusal]:
        groups = [users[at : at + MERGES] for at in range(0, len(users), MERGES)]
        matched, bad = self._merge(groups)
        # A document that cannot be changed stops its neighbours: these are merged one by one.
        singles = [[one] for place in bad for one in groups[place]]
        refused = [(singles[place][0], why) for place, why in self._merge(singles)[1].items()]
        if matched < len(users):
            refused += self._make(users)
        for (user, pairs), why in refused:
            values = {
                name: value for name, value in document((user, pairs)).items() if name != "_id"
            }
            yield Refusal("userConsumed", values, why, pairs[-1][0])

    def _merge(self, groups: list[list[Consumed]]) -> tuple[int, dict[int, str]]:
        """How many documents there are for users of the groups, and the groups refused, and why."""
        matched = 0

        def write() -> None:
            nonlocal matched
            bulk = [merge(group) for group in groups]
            matched = self.database["userConsumed"].bulk_write(bulk, ordered=False).matched_count

        bad = _bulk(write) if groups else {}
        return matched, {place: why for place, (_, why) in bad.items()}

    def _make(self, users: list[Consumed]) -> list[tuple[Consumed, str]]:
        """Makes the documents that are missing; gives the users refused, and why."""
        consumed = self.database["userConsumed"]
        ids = [user for user, _ in users]
        there = {row["_id"] for row in consumed.find({"_id": {"$in": ids}}, {"_id": True})}
        missing = [one for one in users if one[0] not in there]
        if not missing:
            return []
        documents = list(map(document, missing))
        bad = _bulk(lambda: consumed.insert_many(documents, ordered=False))
        # Those that somebody else has made meanwhile.
        made = [[missing[place]] for place, (code, _) in bad.items() if code == _DUPLICATE_KEY]
        refused = [
            (missing[place], why) for place, (code, why) in bad.items() if code != _DUPLICATE_KEY
        ]
        return refused + [(made[place][0], why) for place, why in self._merge(made)[1].items()]

    def _write_rankings(self, rows: PopularRows) -> Sequence[Refusal]:
        documents = to_documents.rankings(rows)
        bulk = [ReplaceOne({"_id": d["_id"]}, d, upsert=True) for d in documents]
        bad = _bulk(lambda: self.database["popular"].bulk_write(bulk, ordered=False))
        return [
            Refusal("popular", documents[place], why, documents[place]["_id"])
            for place, (_, why) in bad.items()
        ]

    def _write_recommendations(self, rows: Recommendations) -> Sequence[Refusal]:
        return self._side_by_side(self._write_results, rows)

    def _side_by_side(self, write: Callable[[F], list[Refusal]], frame: F) -> list[Refusal]:
        """Writes a frame's parts, some at a time: the server works while the next is encoded."""
        parts = [frame.take(slice(at, at + PART)) for at in range(0, len(frame), PART)]
        return [refusal for found in self._threads.map(write, parts) for refusal in found]

    def _write_results(self, rows: Recommendations) -> list[Refusal]:
        # Most are new: they are inserted, and only those that are there already are replaced.
        results = self.database["recommendResults"]
        bad = _bulk(lambda: results.insert_many(raw_bson.results(rows), ordered=False))
        if not bad:
            return []
        doubtful = to_documents.results(rows.take(np.array([*bad])))
        documents = dict(zip(bad, doubtful, strict=True))
        known = [place for place, (code, _) in bad.items() if code == _DUPLICATE_KEY]
        bulk = []
        for place in known:
            document = documents[place]
            key = {"user": document["user"], "time": document["time"]}
            bulk.append(ReplaceOne(key, document, upsert=True))
            del bad[place]
        if bulk:
            again = _bulk(lambda: results.bulk_write(bulk, ordered=False))
            bad.update((known[place], trouble) for place, trouble in again.items())
        return [
            Refusal("recommendResults", documents[place], why, documents[place]["time"])
            for place, (_, why) in bad.items()
        ]


def _bulk(write: Callable[[], Any]) -> dict[int, tuple[int, str]]:
    """Does a bulk write and gives the places of the rows refused, with code and words.

    Raises:
        PyMongoError: the write as a whole, or some row for no fault of its own, did not go
            through.
    """
    try:
        write()
    except BulkWriteError as error:
        details = error.details or {}
        errors = details.get("writeErrors", [])
        if details.get("writeConcernErrors") or any(e.get("code") in _OUTAGES for e in errors):
            raise
        return {e["index"]: (e.get("code", 0), str(e.get("errmsg", ""))) for e in errors}
    return {}


def _without_id(document: Document) -> Document:
    return {name: value for name, value in document.items() if name != "_id"}
