"""A MongoDB store: records, users' first consumptions, rankings and recommendations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pymongo
from pymongo import MongoClient, ReplaceOne, UpdateOne

from sinks.base import DEFAULT_LIMITS, Refusal, SinkError, Store, StoreLimits, Write
from sinks.mongo import bulk as bulk_writes
from sinks.mongo import documents as to_documents
from sinks.mongo import forget, raw_bson, records, repair, retention
from sinks.mongo.bulk import DUPLICATE_KEY, bulk
from sinks.mongo.collections import Collections
from sinks.mongo.consumed_writer import ConsumedWriter
from sinks.mongo.documents import Document
from sinks.mongo.id_checks import check_ids
from sinks.mongo.items import items_writer
from sinks.mongo.related import related_writer
from sinks.records import RecordColumns
from transforms.columns.frames import Frame
from transforms.messages.catalogue_items import CatalogueItems
from transforms.messages.events import EventBatch
from transforms.messages.id_kinds import INTEGERS, TEXT, IdKinds
from transforms.messages.job import JobSettings
from transforms.messages.popular import PopularRows
from transforms.messages.recommendations import Recommendations
from transforms.messages.record_fields import NO_FIELDS, RecordFields
from transforms.messages.related import RelatedItems

DEFAULT_DATABASE = "rivulet"
ROWS_PER_BULK = 1_250
MOST_CONSUMED_TEXTS = 40_000
"""Items of a document of `userConsumed` where ids are text: with the longest ids it has 11 MB, of
the 16 MB that MongoDB allows."""

THREADS = 2
"""Bulks that are written at the same time."""

ACCEPTED = frozenset(
    {EventBatch, PopularRows, RelatedItems, Recommendations, JobSettings, CatalogueItems}
)
"""Types of messages that have a collection."""

F = TypeVar("F", bound=Frame)


class MongoStore(Store):
    """Collections in a MongoDB database.

    Args:
        name: the URL without secrets.
        client: a client whose default database is used.
        limits: of what a document keeps.
        ids: the kinds of ids.
        fields: what records have beside an event's four fields.
        prefix: what is before the names of the collections.
    """

    def __init__(
        self,
        name: str,
        client: MongoClient[Document],
        limits: StoreLimits = DEFAULT_LIMITS,
        ids: IdKinds = INTEGERS,
        fields: RecordFields = NO_FIELDS,
        prefix: str = "",
    ) -> None:
        self.name, self._client, self._ids, self._fields = name, client, ids, fields
        self.database = client.get_default_database(DEFAULT_DATABASE)
        self._collections = Collections(self.database, prefix)
        most = limits.consumed_max
        if ids.item == TEXT:
            most = min(most, MOST_CONSUMED_TEXTS)
        self._consumed = ConsumedWriter(self._collections["userConsumed"], most)
        self._threads = ThreadPoolExecutor(THREADS, "mongo")
        self._removes_old = limits.retention > 0

    def prepare(self) -> None:
        """Creates the indexes on user and time, unique for recommendations, and those by time.

        Raises:
            SinkError: the documents have ids of another kind.
        """
        check_ids(self.name, self._collections, self._ids)
        by_user = [("user", pymongo.ASCENDING), ("time", pymongo.ASCENDING)]
        self._collections["records"].create_index(by_user)
        self._collections["recommendResults"].create_index(by_user, unique=True)
        if self._removes_old:
            retention.create_indexes(self._collections)

    def writer(self, message_type: type[Any]) -> Write:
        """Writes messages of this type in unordered bulks."""
        writers: dict[type[Any], Write] = {
            EventBatch: self._write_events,
            PopularRows: self._write_rankings,
            RelatedItems: related_writer(self._collections),
            Recommendations: self._write_recommendations,
            JobSettings: self._write_settings,
            CatalogueItems: items_writer(self._collections),
        }
        if message_type not in writers:
            raise SinkError(f"{self.name} has no collection for {message_type.__name__}")
        return writers[message_type]

    def is_outage(self, error: BaseException) -> bool:
        """No connection, no primary, a shutdown, a full disk."""
        return bulk_writes.is_outage(error)

    def remove_future(self, latest: int, dry_run: bool) -> dict[str, int]:
        """Removes what has a time after `latest`; returns how many documents by collection."""
        return repair.remove_future(self._collections, latest, dry_run)

    def record_columns(self) -> RecordColumns:
        """What the documents of `records` have."""
        return records.record_columns(self.name, self._collections)

    def read_records(self) -> Iterator[pa.Table]:
        """The documents of `records`."""
        return records.read_records(self.name, self._collections)

    def remove_before(self, time: int) -> int:
        """Removes the documents of before a time."""
        return retention.remove_before(self._collections, time)

    def remove_user(self, ids: Sequence[int | str], dry_run: bool) -> dict[str, int]:
        """Removes all that is of one user."""
        return forget.remove_user(self._collections, ids, dry_run)

    def close(self) -> None:
        """Closes the client."""
        self._threads.shutdown()
        self._client.close()

    def _write_events(self, events: EventBatch) -> Sequence[Refusal]:
        refusals = self._write_in_threads(self._write_records, events)
        return [*refusals, *self._consumed.write(events)]

    def _write_records(self, events: EventBatch) -> list[Refusal]:
        if self._fields == NO_FIELDS:
            documents = to_documents.records(events)
        else:
            documents = to_documents.detailed_records(events, self._fields)
        records = self._collections["records"]
        bad = bulk(lambda: records.insert_many(documents, ordered=False))
        if self._fields.value:
            # Of events that are equal but for their values the largest one is kept.
            known = [documents[place] for place, (code, _) in bad.items() if code == DUPLICATE_KEY]
            largest = [UpdateOne({"_id": d["_id"]}, {"$max": {"value": d["value"]}}) for d in known]
            if largest:
                bulk(lambda: records.bulk_write(largest, ordered=False))
        return [
            Refusal("records", _without_id(documents[place]), why, documents[place]["time"])
            for place, (code, why) in bad.items()
            if code != DUPLICATE_KEY  # It was written before.
        ]

    def _write_rankings(self, rows: PopularRows) -> Sequence[Refusal]:
        documents = to_documents.rankings(rows)
        replacements = [ReplaceOne({"_id": d["_id"]}, d, upsert=True) for d in documents]
        bad = bulk(lambda: self._collections["popular"].bulk_write(replacements, ordered=False))
        return [
            Refusal("popular", documents[place], why, documents[place]["_id"])
            for place, (_, why) in bad.items()
        ]

    def _write_recommendations(self, rows: Recommendations) -> Sequence[Refusal]:
        return self._write_in_threads(self._write_results, rows)

    def _write_in_threads(self, write: Callable[[F], list[Refusal]], frame: F) -> list[Refusal]:
        """Writes a frame in slices: the server works while the next slice is encoded."""
        step = ROWS_PER_BULK
        slices = [frame.take(slice(at, at + step)) for at in range(0, len(frame), step)]
        return [refusal for found in self._threads.map(write, slices) for refusal in found]

    def _write_results(self, rows: Recommendations) -> list[Refusal]:
        # Most rows are new: all are inserted, and those that exist are replaced afterwards.
        results = self._collections["recommendResults"]
        bad = bulk(lambda: results.insert_many(raw_bson.results(rows), ordered=False))
        if not bad:
            return []
        failed = to_documents.results(rows.take(np.array([*bad])))
        documents = dict(zip(bad, failed, strict=True))
        existing = [place for place, (code, _) in bad.items() if code == DUPLICATE_KEY]
        replacements = []
        for place in existing:
            document = documents[place]
            key = {"user": document["user"], "time": document["time"]}
            replacements.append(ReplaceOne(key, document, upsert=True))
            del bad[place]
        if replacements:
            refused = bulk(lambda: results.bulk_write(replacements, ordered=False))
            bad.update((existing[place], error) for place, error in refused.items())
        return [
            Refusal("recommendResults", documents[place], why, documents[place]["time"])
            for place, (_, why) in bad.items()
        ]

    def _write_settings(self, job: JobSettings) -> Sequence[Refusal]:
        row = {"_id": job.run, "settings": dict(job.settings)}
        self._collections["jobs"].replace_one({"_id": job.run}, row, upsert=True)
        return []


def _without_id(document: Document) -> Document:
    return {name: value for name, value in document.items() if name != "_id"}
