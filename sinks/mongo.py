"""MongoDB: records, users' first consumptions, rankings and recommendations."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pymongo
from pymongo import InsertOne, MongoClient, ReplaceOne, UpdateOne
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

from sinks import mongo_rows, raw_bson
from sinks.base import Refusal, SinkError, Write
from sinks.mongo_consumed import (
    Append,
    Change,
    Consumed,
    append,
    change,
    first_consumptions,
    merge,
)
from sinks.mongo_rows import Document
from sinks.names import public_name
from transforms.events import EventBatch
from transforms.frames import Frame
from transforms.popular import PopularRows
from transforms.recommendations import Recommendations

DEFAULT_DATABASE = "rivulet"
USERS = 1_000
"""Users whose documents are looked at together."""
APPENDS = 100
"""Users of a statement that puts items behind others."""
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
        documents = mongo_rows.records(events)
        records = self.database["records"]
        bad = _bulk(lambda: records.insert_many(documents, ordered=False))
        return [
            Refusal("records", _without_id(documents[place]), why, documents[place]["time"])
            for place, (code, why) in bad.items()
            if code != _DUPLICATE_KEY  # It is there already.
        ]

    def _write_consumed(self, users: list[Consumed]) -> Iterator[Refusal]:
        singles: list[tuple[Consumed, InsertOne[Document] | UpdateOne]] = []
        appends: list[Append] = []
        for row, one in self._changes(users):
            if isinstance(one, Append):
                appends.append(one)
            else:
                singles.append((row, one))
        again = self._append(appends)
        refused = []
        for row, code, why in self._change(singles):
            if code == _DUPLICATE_KEY:  # Somebody else has made it meanwhile.
                again.append(row)
            else:
                refused.append((row, why))
        merges = self._change([(row, merge(row)) for row in again])
        refused += [(row, why) for row, _, why in merges]
        for (user, pairs), why in refused:
            values = {
                "user": user,
                "consumed": [pair[1] for pair in pairs],
                "time": [pair[0] for pair in pairs],
            }
            yield Refusal("userConsumed", values, why, pairs[-1][0])

    def _changes(self, users: list[Consumed]) -> Iterator[tuple[Consumed, Change]]:
        """What is to be done so that the documents, as they are now, hold the users' items."""
        missing = dict(users)
        for document in self.database["userConsumed"].find({"_id": {"$in": list(missing)}}):
            row = document["_id"], missing.pop(document["_id"])
            if one := change(row, document):
                yield row, one
        for row in missing.items():
            if one := change(row, None):
                yield row, one

    def _append(self, appends: list[Append]) -> list[Consumed]:
        """Puts items behind users' others; gives those of which not all are there then."""
        if not appends:
            return []
        consumed, modified = self.database["userConsumed"], 0
        bulk = [append(appends[at : at + APPENDS]) for at in range(0, len(appends), APPENDS)]

        def write() -> None:
            nonlocal modified
            modified = consumed.bulk_write(bulk, ordered=False).modified_count

        if not _bulk(write) and modified == len(appends):
            return []
        # Others were changed meanwhile, or one that cannot be changed has stopped its neighbours.
        return [row for row, _ in self._changes([one.consumed for one in appends])]

    def _change(
        self, todo: list[tuple[Consumed, InsertOne[Document] | UpdateOne]]
    ) -> Iterator[tuple[Consumed, int, str]]:
        if todo:
            changes = [one for _, one in todo]
            consumed = self.database["userConsumed"]
            bad = _bulk(lambda: consumed.bulk_write(changes, ordered=False))
            for place, (code, why) in bad.items():
                yield todo[place][0], code, why

    def _write_rankings(self, rows: PopularRows) -> Sequence[Refusal]:
        documents = mongo_rows.rankings(rows)
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
        doubtful = mongo_rows.results(rows.take(np.array([*bad])))
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
