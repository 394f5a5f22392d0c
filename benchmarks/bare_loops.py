"""Bulk loops with the bare clients, with which sinks are compared."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import pymysql
import redis
from pymongo import MongoClient, UpdateOne
from sqlalchemy.engine import make_url

from sinks.mongo import documents as to_documents
from sinks.mongo.consumed import Consumed, first_consumptions
from sinks.redis.lists import LatestLists
from sinks.redis.rows import EVENT_WIDTH, HISTORY_SIZE, histories
from sinks.sql import schema
from sinks.sql.rows import TARGETS
from transforms.columns.frames import Frame
from transforms.messages.events import EventBatch
from transforms.messages.recommendations import Recommendations

Bare = Callable[[Any], Callable[[], None]]
Loop = tuple[str, str, Bare, bool]
"""The kind of rows, the loop's description, the loop, and whether its frames are events."""

BULK = 2_000


class SqlLoops:
    """The driver's executemany of an upsert, with a commit after each bulk."""

    def __init__(self, url: str) -> None:
        address = make_url(url)
        self._is_sqlite = address.get_backend_name() == "sqlite"
        self._client: Any
        if self._is_sqlite:
            self._client = sqlite3.connect(address.database or "")
            self._client.execute("PRAGMA journal_mode=WAL")
            self._client.execute("PRAGMA synchronous=NORMAL")
            self._client.execute("PRAGMA cache_size=-131072")
        else:
            self._client = pymysql.connect(
                host=address.host or "",
                port=address.port or 0,
                user=address.username or "",
                database=address.database or "",
            )

    def clear(self) -> None:
        """Drops the tables."""
        cursor = self._client.cursor()
        for table in schema.METADATA.tables:
            cursor.execute(f"DROP TABLE IF EXISTS {table}")
        self._client.commit()

    def all(self) -> Iterator[Loop]:
        """Events and recommendations."""
        bulk = "a frame" if self._is_sqlite else f"{BULK:,} rows"
        driver = "sqlite3" if self._is_sqlite else "PyMySQL"
        loop = f"{driver}'s executemany, {bulk}"
        yield "events", loop, self._write(EventBatch), True
        yield "recommendations", loop, self._write(Recommendations), False

    def _write(self, frame_type: type[Frame]) -> Bare:
        target = TARGETS[frame_type]
        names = [column.name for column in target.table.columns]
        quoted = ", ".join(f"`{name}`" for name in names)
        places = ", ".join(["?" if self._is_sqlite else "%s"] * len(names))
        values = [c.name for c in target.table.columns if not c.primary_key]
        if self._is_sqlite:
            sets = ", ".join(f"`{name}` = excluded.`{name}`" for name in values)
            tail = f"ON CONFLICT DO UPDATE SET {sets}" if values else "ON CONFLICT DO NOTHING"
        else:
            sets = ", ".join(f"`{name}` = VALUES(`{name}`)" for name in values or names[:1])
            tail = f"ON DUPLICATE KEY UPDATE {sets}"
        statement = (
            f"INSERT INTO {target.table.name} ({quoted}) "  # noqa: S608 - our own names
            f"VALUES ({places}) {tail}"
        )

        def ready(frame: Frame) -> Callable[[], None]:
            rows = target.rows(frame)
            step = len(rows) if self._is_sqlite else BULK

            def write() -> None:
                cursor = self._client.cursor()
                for start in range(0, len(rows), step):
                    cursor.executemany(statement, rows[start : start + step])
                    self._client.commit()

            return write

        return ready


class MongoLoops:
    """PyMongo's insert_many and bulk_write, unordered and journaled as in the sink."""

    def __init__(self, url: str) -> None:
        self._client: MongoClient[dict[str, Any]] = MongoClient(url, journal=True)
        self._database = self._client.get_default_database()

    def clear(self) -> None:
        """Drops the collections."""
        for name in self._database.list_collection_names():
            self._database.drop_collection(name)

    def all(self) -> Iterator[Loop]:
        """Events and recommendations."""
        loop = "insert_many and bulk_write of $push (wrong after replays)"
        yield "events", loop, self._events, True
        yield "recommendations", "insert_many", self._results, False

    def _events(self, frame: EventBatch) -> Callable[[], None]:
        documents = to_documents.records(frame)
        updates = [_push(user) for user in first_consumptions(frame)]

        def write() -> None:
            self._database["records"].insert_many(documents, ordered=False)
            self._database["userConsumed"].bulk_write(updates, ordered=False)

        return write

    def _results(self, frame: Recommendations) -> Callable[[], None]:
        documents = to_documents.results(frame)
        results = self._database["recommendResults"]
        return lambda: (results.insert_many(documents, ordered=False), None)[1]


def _push(consumed: Consumed) -> UpdateOne:
    user, pairs = consumed
    items, times = [pair[1] for pair in pairs], [pair[0] for pair in pairs]
    push = {"consumed": {"$each": items}, "time": {"$each": times}}
    return UpdateOne({"_id": user}, {"$push": push, "$set": {"user": user}}, upsert=True)


class RedisLoops:
    """redis-py's pipelines, one for each frame, without transactions."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url)

    def clear(self) -> None:
        """Deletes all keys."""
        self._client.flushall()

    def all(self) -> Iterator[Loop]:
        """Events, pushed or merged by the client; and recommendations."""
        yield "events", "pipelined LPUSH, LTRIM a user (wrong after replays)", self._pushed, True
        yield "events", "MGET, merge, pipelined SET, DEL, RPUSH a user", self._merged, True
        yield "recommendations", "pipelined DEL, RPUSH, SET a user", self._latest, False

    def _pushed(self, frame: EventBatch) -> Callable[[], None]:
        users, rows, _ = histories(frame)
        ready = [
            (f"history:{user}", items.split()) for user, (_, items) in zip(users, rows, strict=True)
        ]

        def write() -> None:
            pipe = self._client.pipeline(transaction=False)
            for key, items in ready:
                pipe.lpush(key, *items)
                pipe.ltrim(key, 0, HISTORY_SIZE - 1)
            pipe.execute()

        return write

    def _merged(self, frame: EventBatch) -> Callable[[], None]:
        users, rows, _ = histories(frame)
        ready = []
        for text, items in rows:
            texts = [text[at : at + EVENT_WIDTH] for at in range(0, len(text), EVENT_WIDTH)]
            pairs = zip(texts, reversed(items.split()), strict=True)
            ready.append([f"{event} {item}" for event, item in pairs])
        keys = [f"history:{user}" for user in users]

        def write() -> None:
            known: Any = self._client.mget([f"{key}:events" for key in keys])
            pipe = self._client.pipeline(transaction=False)
            for key, new, old in zip(keys, ready, known, strict=True):
                both = {*new, *(old.decode().split(",") if old else ())}
                events = sorted(both, reverse=True)[:HISTORY_SIZE]
                pipe.set(f"{key}:events", ",".join(events))
                pipe.delete(key)
                pipe.rpush(key, *(event.split()[1] for event in events))
            pipe.execute()

        return write

    def _latest(self, frame: Recommendations) -> Callable[[], None]:
        rows = LatestLists.of(frame)
        lists = [json.loads(text) for text in rows.lists]
        columns = rows.user.tolist(), rows.place.tolist(), rows.time.tolist()
        ready = [
            (f"recommendations:{user}", lists[place], time)
            for user, place, time in zip(*columns, strict=True)
        ]

        def write() -> None:
            pipe = self._client.pipeline(transaction=False)
            for key, items, time in ready:
                pipe.delete(key)
                pipe.rpush(key, *items)
                pipe.set(f"{key}:time", time)
            pipe.execute()

        return write
