"""From a Redis URL to a Redis store."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import redis
from redis.connection import parse_url

from rivulet.prefixes import split_prefix, store_name
from rivulet.urls import URLError
from sinks.base import DEFAULT_LIMITS, SinkError, StoreLimits, StoreSource
from sinks.redis.calls import CALLS_IN_FLIGHT, USERS_PER_CALL
from sinks.redis.store import ACCEPTED, RedisStore
from transforms.messages.id_kinds import INTEGERS, IdKinds

CONNECT_TIMEOUT = 5
"""Seconds."""
ANSWER_TIMEOUT = 60
"""Seconds that one call may take."""


@dataclass(frozen=True, repr=False)
class RedisSource(StoreSource):
    """A `redis://` URL, or `rediss://` for TLS.

    Attributes:
        url: the URL, with the password; `?prefix=` is before the names of the keys.
        limits: which stored times are from the future.
        ids: the kinds of ids.

    Raises:
        SinkError: redis-py does not accept the URL.
    """

    serves_online: ClassVar[bool] = True
    batch_rows: ClassVar[int] = USERS_PER_CALL * CALLS_IN_FLIGHT

    url: str
    limits: StoreLimits = DEFAULT_LIMITS
    ids: IdKinds = INTEGERS

    def __post_init__(self) -> None:
        try:
            url, _ = split_prefix(self.url)
        except URLError as error:
            raise SinkError(str(error)) from None
        try:
            parse_url(url)  # type: ignore[no-untyped-call]
        except (ValueError, TypeError):
            # redis-py's message is not shown: a '/' in a password makes a piece of it the "port".
            raise SinkError(
                f"{self.name} is no Redis URL: it is redis://[USER:PASSWORD@]HOST:PORT/NUMBER, "
                "with what is not a letter or digit of a password percent-encoded"
            ) from None

    @property
    def name(self) -> str:
        """The URL without secrets."""
        return store_name(self.url)

    @property
    def retention(self) -> int:
        """Seconds for which rows are kept."""
        return self.limits.retention

    def accepts(self, message_type: type[Any]) -> bool:
        """Whether there are keys for such messages."""
        return message_type in ACCEPTED

    def limited(self, limits: StoreLimits) -> RedisSource:
        """The same source with other limits."""
        return replace(self, limits=limits)

    def with_ids(self, ids: IdKinds) -> RedisSource:
        """The same source for ids of these kinds."""
        return replace(self, ids=ids)

    def open(self) -> RedisStore:
        """Opens the store with a connection pool of its own."""
        url, prefix = split_prefix(self.url)
        client = redis.Redis.from_url(
            url,
            socket_connect_timeout=CONNECT_TIMEOUT,
            socket_timeout=ANSWER_TIMEOUT,
            health_check_interval=30,
        )
        return RedisStore(self.name, client, self.limits, self.ids, prefix)

    def __repr__(self) -> str:
        return f"RedisSource({self.name})"
