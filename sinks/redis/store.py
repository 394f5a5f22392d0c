"""A Redis store: current values, each key replaced as a whole and never by an older value."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

import redis
from redis import exceptions

from sinks.base import DEFAULT_LIMITS, Refusal, SinkError, Store, StoreLimits, Write
from sinks.redis import forget, repair, scripts
from sinks.redis import rows as user_rows
from sinks.redis.calls import call_for_users
from sinks.redis.ids import check_ids, without_reserved
from sinks.redis.items import items_writer
from sinks.redis.lists import LatestLists, WrittenLists
from sinks.redis.related import related_writer
from sinks.rows import user_ids
from transforms.messages.catalogue_items import CatalogueItems
from transforms.messages.events import EventBatch
from transforms.messages.id_kinds import INTEGERS, IdKinds
from transforms.messages.job import JobSettings
from transforms.messages.popular import PopularRows
from transforms.messages.recommendations import Recommendations
from transforms.messages.related import RelatedItems

ACCEPTED = frozenset(
    {EventBatch, PopularRows, RelatedItems, Recommendations, JobSettings, CatalogueItems}
)
"""Types of messages that have keys."""

_OUTAGES = ("OOM", "MISCONF", "READONLY", "MASTERDOWN", "LOADING", "BUSY", "TRYAGAIN", "NOREPLICAS")
"""Prefixes of error messages about the state of the server."""

_WRONG_TYPE = "WRONGTYPE: the key holds another kind of value"


class RedisStore(Store):
    """Keys in a Redis database.

    Args:
        name: the URL without secrets.
        client: a client with a pool.
        limits: which stored times are from the future.
        ids: the kinds of ids.
        prefix: what is before the names of the keys.
    """

    def __init__(
        self,
        name: str,
        client: redis.Redis,
        limits: StoreLimits = DEFAULT_LIMITS,
        ids: IdKinds = INTEGERS,
        prefix: str = "",
    ) -> None:
        self._prefix = prefix
        self.name, self.client, self._limits, self._ids = name, client, limits, ids
        self._history = client.register_script(scripts.HISTORY)
        self._recommendations = client.register_script(scripts.RECOMMENDATIONS)
        self._popular = client.register_script(scripts.POPULAR)
        self._settings = client.register_script(scripts.JOB_SETTINGS)
        self._written = WrittenLists()

    def prepare(self) -> None:
        """Checks that the server answers and that its keys have ids of the same kinds.

        Raises:
            SinkError: a job with ids of other kinds wrote to this database.
        """
        check_ids(self.name, self.client, self._ids, self._prefix)

    def writer(self, message_type: type[Any]) -> Write:
        """Writes messages of this type by scripts, for many users a call."""
        writers: dict[type[Any], Write] = {
            EventBatch: self._write_histories,
            PopularRows: self._write_ranking,
            RelatedItems: related_writer(self.client, self._limits.retention, self._prefix),
            Recommendations: self._write_recommendations,
            JobSettings: self._write_settings,
            CatalogueItems: items_writer(self.client, self._prefix),
        }
        if message_type not in writers:
            raise SinkError(f"{self.name} has no key for {message_type.__name__}")
        return writers[message_type]

    def is_outage(self, error: BaseException) -> bool:
        """No connection, no answer in time, a server that loads, is full or is a replica."""
        if isinstance(error, (exceptions.AuthenticationError, exceptions.AuthorizationError)):
            return False
        if isinstance(error, (exceptions.ConnectionError, exceptions.TimeoutError)):
            return True
        kinds = (
            exceptions.ReadOnlyError,
            exceptions.OutOfMemoryError,
            exceptions.TryAgainError,
            exceptions.MasterDownError,
        )
        return isinstance(error, kinds) or (
            isinstance(error, exceptions.ResponseError) and str(error).startswith(_OUTAGES)
        )

    def remove_future(self, latest: int, dry_run: bool) -> dict[str, int]:
        """Removes what has a time after `latest`; returns how many keys by their kind."""
        return repair.remove_future(self.client, latest, dry_run, self._prefix)

    def remove_before(self, time: int) -> int:
        """Nothing: keys expire by themselves, the retention after their last write."""
        del time
        return 0

    def remove_user(self, ids: Sequence[int | str], dry_run: bool) -> dict[str, int]:
        """Removes all that is of one user."""
        return forget.remove_user(self.client, ids, dry_run, self._prefix)

    def close(self) -> None:
        """Closes the pool."""
        self.client.close()

    def _latest_valid(self) -> int:
        return int(time.time()) + self._limits.max_future

    def _write_histories(self, events: EventBatch) -> Sequence[Refusal]:
        kind = f"{self._prefix}history"
        events, refused = without_reserved(kind, events)
        if not len(events):
            return refused
        users, rows, times = user_rows.histories(events)
        width = user_rows.event_width(events)
        limit = f"{self._latest_valid():0{user_rows.TIME_WIDTH}d}"

        def arguments(part: slice) -> Iterator[str | int]:
            yield from (user_rows.HISTORY_SIZE, width, limit)
            for row in rows[part]:
                yield from row
            yield self._limits.retention

        return [
            *refused,
            *(
                Refusal(key, {"user": users[at], "history": rows[at]}, _WRONG_TYPE, times[at])
                for at, key in call_for_users(self.client, self._history, kind, users, arguments)
            ),
        ]

    def _write_recommendations(self, rows: Recommendations) -> Sequence[Refusal]:
        script, prefix = self._recommendations, f"{self._prefix}recommendations"
        rows, reserved = without_reserved(prefix, rows)
        if not len(rows):
            return reserved
        latest = LatestLists.of(rows)
        since = self._written.since(latest)
        users, times = user_ids(rows, latest.user), latest.time.tolist()
        limit = self._latest_valid()

        def arguments(part: slice) -> tuple[str, str, int, int]:
            return *latest.arguments(part, since), limit, self._limits.retention

        def refusal(at: int, key: str) -> Refusal:
            items = json.loads(latest.lists[latest.place[at]])
            row = {"user": users[at], "recommendations": [str(times[at]), *items]}
            return Refusal(key, row, _WRONG_TYPE, times[at])

        refused = list(call_for_users(self.client, script, prefix, users, arguments))
        self._written.remember(latest)
        return [*reserved, *(refusal(at, key) for at, key in refused)]

    def _write_ranking(self, rows: PopularRows) -> Sequence[Refusal]:
        window_end, items, counts = user_rows.latest_ranking(rows)
        keys = [f"{self._prefix}popular:{name}" for name in ("items", "counts", "window_end")]
        limit = self._latest_valid()
        try:
            last = self._limits.retention
            self._popular(keys=keys, args=(window_end, limit, len(items), *items, *counts, last))
        except exceptions.ResponseError as error:
            if "WRONGTYPE" not in str(error):
                raise
            row = {"window_end": window_end, "items": items, "counts": counts}
            return [Refusal(f"{self._prefix}popular", row, _WRONG_TYPE, window_end)]
        return []

    def _write_settings(self, job: JobSettings) -> Sequence[Refusal]:
        self._settings(keys=(f"{self._prefix}job:settings",), args=(job.run, job.to_json()))
        return []
