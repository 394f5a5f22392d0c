"""Redis: what is true now, each key replaced whole and never by an older one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import redis
from redis import exceptions
from redis.commands.core import Script
from redis.connection import parse_url

from rivulet.urls import public_name
from sinks.base import Refusal, SinkError, Write
from sinks.redis import rows as user_rows
from sinks.redis import scripts
from sinks.redis.lists import Latest, Written
from transforms.columns.frames import Frame
from transforms.messages.events import EventBatch
from transforms.messages.popular import PopularRows
from transforms.messages.recommendations import Recommendations

USERS = 300
"""Users of one call of a script: Redis does nothing else meanwhile."""

CALLS = 8
"""Calls that are sent before the first one's answer is waited for."""

_PASSES = ("OOM", "MISCONF", "READONLY", "MASTERDOWN", "LOADING", "BUSY", "TRYAGAIN", "NOREPLICAS")
"""How errors begin that are the server's state and not the rows' fault."""


@dataclass(frozen=True, repr=False)
class RedisSource:
    """A `redis://` or (TLS) `rediss://` URL.

    Attributes:
        url: with the password, if there is one.

    Raises:
        SinkError: redis-py does not take the URL.
    """

    url: str

    def __post_init__(self) -> None:
        try:
            parse_url(self.url)  # type: ignore[no-untyped-call]
        except (ValueError, TypeError):
            # Its words are not shown: a '/' in a password makes a piece of it the "port".
            raise SinkError(
                f"{self.name} is no Redis URL: it is redis://[USER:PASSWORD@]HOST:PORT/NUMBER, "
                "with what is not a letter or digit of a password percent-encoded"
            ) from None

    @property
    def name(self) -> str:
        """The URL without its secrets."""
        return public_name(self.url)

    def open(self) -> RedisStore:
        """A store with a pool of connections of its own."""
        client = redis.Redis.from_url(
            self.url, socket_connect_timeout=5, socket_timeout=60, health_check_interval=30
        )
        return RedisStore(self.name, client)

    def __repr__(self) -> str:
        return f"RedisSource({self.name})"


class RedisStore:
    """Keys in a Redis database.

    Args:
        name: what messages call it.
        client: a client with a pool.
    """

    def __init__(self, name: str, client: redis.Redis) -> None:
        self.name, self.client = name, client
        self._history = client.register_script(scripts.HISTORY)
        self._recommendations = client.register_script(scripts.RECOMMENDATIONS)
        self._popular = client.register_script(scripts.POPULAR)
        self._written = Written()

    def prepare(self) -> None:
        """Sees that the server answers: keys need nothing made."""
        self.client.ping()

    def writer(self, frame_type: type[Frame]) -> Write:
        """Writes frames of this type by scripts, many users a call."""
        writers: dict[type[Frame], Write] = {
            EventBatch: self._write_histories,
            PopularRows: self._write_ranking,
            Recommendations: self._write_recommendations,
        }
        if frame_type not in writers:
            raise SinkError(f"{self.name} has no key for {frame_type.__name__}")
        return writers[frame_type]

    def is_outage(self, error: BaseException) -> bool:
        """No connection, no answer in time, loading, no memory, a replica: all that passes."""
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
            isinstance(error, exceptions.ResponseError) and str(error).startswith(_PASSES)
        )

    def close(self) -> None:
        """Closes the pool."""
        self.client.close()

    def _write_histories(self, events: EventBatch) -> Sequence[Refusal]:
        users, rows, times = user_rows.histories(events)

        def arguments(part: slice) -> Iterator[str | int]:
            yield from (user_rows.HISTORY_SIZE, user_rows.EVENT_WIDTH)
            for row in rows[part]:
                yield from row

        return [
            Refusal(key, {"user": users[at], "history": rows[at]}, _WRONG_TYPE, times[at])
            for at, key in _refused(self.client, self._history, "history", users, arguments)
        ]

    def _write_recommendations(self, rows: Recommendations) -> Sequence[Refusal]:
        latest = Latest.of(rows)
        since = self._written.since(latest)
        users, times = latest.user.tolist(), latest.time.tolist()

        def arguments(part: slice) -> tuple[str, str]:
            return latest.told(part, since)

        def refusal(at: int, key: str) -> Refusal:
            items = json.loads(latest.lists[latest.place[at]])
            row = {"user": users[at], "recommendations": [str(times[at]), *items]}
            return Refusal(key, row, _WRONG_TYPE, times[at])

        script = self._recommendations
        refused = list(_refused(self.client, script, "recommendations", users, arguments))
        self._written.note(latest)
        return [refusal(at, key) for at, key in refused]

    def _write_ranking(self, rows: PopularRows) -> Sequence[Refusal]:
        window_end, items, counts = user_rows.last_ranking(rows)
        keys = ("popular:items", "popular:counts", "popular:window_end")
        try:
            self._popular(keys=keys, args=(window_end, len(items), *items, *counts))
        except exceptions.ResponseError as error:
            if "WRONGTYPE" not in str(error):
                raise
            row = {"window_end": window_end, "items": items, "counts": counts}
            return [Refusal("popular", row, _WRONG_TYPE, window_end)]
        return []


_WRONG_TYPE = "WRONGTYPE: the key holds another kind of value"


def _refused(
    client: redis.Redis,
    script: Script,
    prefix: str,
    users: list[int],
    arguments: Callable[[slice], Iterable[str | int]],
) -> Iterator[tuple[int, str]]:
    """Calls a script for all users; gives the place and key of each whom it refused.

    Many calls go out at once: else the server, whose one thread others wait for, waits for this
    process to be given a processor again after each answer.
    """
    parts = [slice(start, start + USERS) for start in range(0, len(users), USERS)]
    for first in range(0, len(parts), CALLS):
        sent = parts[first : first + CALLS]
        keys = [[f"{prefix}:{user}" for user in users[part]] for part in sent]
        with client.pipeline(transaction=False) as pipe:
            for part, names in zip(sent, keys, strict=True):
                script(keys=names, args=list(arguments(part)), client=pipe)
            answers = pipe.execute(raise_on_error=False)
        for part, names, answer in zip(sent, keys, answers, strict=True):
            if isinstance(answer, Exception):
                raise answer
            for place in answer:
                yield part.start + place, names[place]
