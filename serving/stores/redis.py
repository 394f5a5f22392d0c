"""The reader of a Redis store, which holds the latest state only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import ResponseError

from rivulet.prefixes import split_prefix
from serving.schemas import Id
from serving.schemas.health import StoreState
from serving.schemas.items import Item
from serving.schemas.job import PolicyMinutes
from serving.schemas.popular import PopularWindow
from serving.schemas.users import Event, Recommendation
from serving.stores import rows
from serving.stores.base import Horizon, StoreURLError, Worker, public_name
from serving.stores.items import item_of
from serving.stores.kinds import StoreKinds
from serving.stores.related import RelatedList, related_list
from transforms.messages.job import JobSettings

_CONNECTIONS = 32
_KEYS_SCANNED = 1000
_MAX_SCANS = 10
_KINDS = frozenset({"history", "recommendations"})


class RedisReader:
    """Reads the keys of a job: popular items, recommendations, histories, items and settings.

    Args:
        url: `redis://HOST:PORT/NUMBER`.
        timeout: seconds that a command may take, connecting included.
        horizon: the largest time that is shown.

    Raises:
        StoreURLError: the Redis client does not accept the URL.
    """

    def __init__(self, url: str, timeout: float, horizon: Horizon) -> None:
        self.name = public_name(url)
        self._horizon = horizon
        self._rows = rows.Rows(self.name)
        self._kinds = StoreKinds(self.job_settings)
        plain, self._prefix = split_prefix(url)
        self._latest_key = re.compile(f"{self._prefix}recommendations:(.+):time")
        try:
            pool = BlockingConnectionPool.from_url(
                plain,
                max_connections=_CONNECTIONS,
                timeout=timeout,
                socket_timeout=timeout,
                socket_connect_timeout=timeout,
                decode_responses=True,
                encoding_errors="replace",
            )
        except ValueError:
            # The client's own message may hold a part of the password.
            raise StoreURLError(
                f"{self.name} is no Redis URL; it looks like redis://:PASSWORD@HOST:6379/0"
            ) from None
        self._redis = Redis(connection_pool=pool)

    async def state(self) -> StoreState:
        """See `Reader`."""
        names = ("job:settings", "popular:window_end")
        if await self._redis.exists(*(f"{self._prefix}{name}" for name in names)):
            return "ok"
        # Without these, what a scan comes by: it looks at some keys, not at all.
        _, keys = await self._redis.scan(match=f"{self._prefix}*:*", count=_KEYS_SCANNED)
        return "ok" if any(self._is_own(str(key)) for key in keys) else "empty"

    def _is_own(self, key: str) -> bool:
        return key.removeprefix(self._prefix).partition(":")[0] in _KINDS

    async def _get(self, *commands: tuple[str, ...]) -> list[Any]:
        """The results of commands, read together; None for a key of another type."""
        async with self._redis.pipeline(transaction=True) as together:
            for command in commands:
                together.execute_command(*command)
            results = await together.execute(raise_on_error=False)
        for command, result in zip(commands, results, strict=True):
            if isinstance(result, ResponseError) and not str(result).startswith("WRONGTYPE"):
                raise result
            if isinstance(result, ResponseError):
                self._rows.log(command[1], rows.MalformedRowError("the key has another type"))
        return [None if isinstance(result, ResponseError) else result for result in results]

    async def popular(self, window_end: int | None, windows: int) -> list[PopularWindow]:
        """The latest window."""
        del windows
        end, items, counts = await self._get(
            ("GET", f"{self._prefix}popular:window_end"),
            ("LRANGE", f"{self._prefix}popular:items", "0", "-1"),
            ("HGETALL", f"{self._prefix}popular:counts"),
        )
        if end is None:
            return []
        places = [
            (rank, item, (counts or {}).get(item, 0)) for rank, item in enumerate(items or (), 1)
        ]
        ids = await self._kinds.rows()
        found = self._rows.valid(ids.popular_window, [(end, places)])
        last = self._horizon() if window_end is None else min(window_end, self._horizon())
        return [window for window in found if window.window_end <= last]

    async def related(self, kind: str, item: Id) -> RelatedList | None:
        """See `RelatedReader`."""
        (value,) = await self._get(("GET", f"{self._prefix}related:{kind}:{item}"))
        if value is None:
            return None
        time, _, lists = str(value).partition(" ")
        items, _, counts = lists.partition("\t")
        made = self._rows.one(
            partial(related_list, await self._kinds.rows()), (time, items, counts)
        )
        return made if made is not None and made.time <= self._horizon() else None

    async def recommendations(self, user: Id, limit: int, offset: int) -> list[Recommendation]:
        """The latest recommendation; a list without its time is no recommendation."""
        key = f"{self._prefix}recommendations:{user}"
        items, time = await self._get(("LRANGE", key, "0", "-1"), ("GET", f"{key}:time"))
        if time is None or offset or not limit:
            return []
        make = (await self._kinds.rows()).recommendation
        found = self._rows.valid(make, [(time, items, None, None, None)])
        return [one for one in found if one.time <= self._horizon()]

    async def history(self, user: Id, limit: int, offset: int) -> list[Event]:
        """The last items, without behaviors and times."""
        key, end = f"{self._prefix}history:{user}", offset + limit - 1
        (items,) = await self._get(("LRANGE", key, str(offset), str(end)))
        item_of = (await self._kinds.rows()).item
        return [Event(item, None, None) for item in self._rows.valid(item_of, items or ())]

    async def events_between(self, user: Id, start: int, end: int, limit: int) -> list[Event]:
        """Redis stores have no times of events."""
        del user, start, end, limit
        return []

    async def purchases(self, user: Id, start: int, end: int, limit: int) -> list[Event]:
        """Redis stores have no behaviors of events."""
        del user, start, end, limit
        return []

    async def users(self, limit: int) -> list[Id]:
        """Some users with a recommendation, in no order."""
        cursor, found = 0, dict[Id, None]()
        user_of = (await self._kinds.rows()).user
        for _ in range(_MAX_SCANS):
            cursor, keys = await self._redis.scan(
                cursor, match=f"{self._prefix}recommendations:*:time", count=_KEYS_SCANNED
            )
            matches = filter(None, (self._latest_key.fullmatch(str(key)) for key in keys))
            found |= dict.fromkeys(self._rows.valid(user_of, (match.group(1) for match in matches)))
            if len(found) >= limit or not cursor:
                break
        return list(found)[:limit]

    async def policy_minutes(self, minutes: int) -> list[PolicyMinutes]:
        """Redis stores have none."""
        del minutes
        return []

    async def event_minutes(self, minutes: int) -> None:
        """Redis stores have none."""
        del minutes

    async def workers(self) -> list[Worker]:
        """Redis stores have none."""
        return []

    async def job_settings(self) -> JobSettings | None:
        """See `Reader`."""
        (text,) = await self._get(("GET", f"{self._prefix}job:settings"))
        if text is None:
            return None
        found = self._rows.one(_job_settings, text)
        return found if found and found.run <= 1000 * self._horizon() else None

    async def items(self, ids: Sequence[str]) -> list[Item]:
        """Those of the items that the store has, in any order."""
        (values,) = await self._get(("HMGET", f"{self._prefix}items", *ids))
        found = zip(ids, values or (), strict=False)
        return self._rows.valid(_item, (row for row in found if row[1] is not None))

    async def has_items(self) -> bool:
        """Whether the store has any item."""
        return bool(await self._redis.exists(f"{self._prefix}items"))

    async def close(self) -> None:
        """See `Reader`."""
        await self._redis.aclose()
        await self._redis.connection_pool.aclose()


def _item(row: tuple[str, str]) -> Item:
    updated, available, details = (*row[1].split(" ", 2), "", "")[:3]
    return item_of((row[0], updated, available, details))


def _job_settings(text: str) -> JobSettings:
    try:
        return JobSettings.from_json(text)
    except ValueError as error:
        raise rows.MalformedRowError(str(error)) from error
