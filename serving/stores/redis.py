"""A Redis store: what is true now, and nothing of before."""

from __future__ import annotations

from redis.asyncio import BlockingConnectionPool, Redis

from serving.schemas.responses import (
    Event,
    PolicyMinutes,
    PopularItem,
    PopularWindow,
    Recommendation,
    StoreState,
)
from serving.stores.base import StoreURLError, Worker, public_name

_CONNECTIONS = 32
_KEYS_SCANNED = 1000
_MOST_SCANS = 10


class RedisReader:
    """Reads the keys of spec section 6.

    Args:
        url: `redis://HOST:PORT/NUMBER`.
        timeout: seconds that a command may take, connecting included.

    Raises:
        StoreURLError: the Redis client does not take the URL.
    """

    def __init__(self, url: str, timeout: float) -> None:
        self.name = public_name(url)
        try:
            pool = BlockingConnectionPool.from_url(
                url,
                max_connections=_CONNECTIONS,
                timeout=timeout,
                socket_timeout=timeout,
                socket_connect_timeout=timeout,
                decode_responses=True,
            )
        except ValueError as error:
            raise StoreURLError(f"{self.name} is no Redis URL: {error}") from error
        self._redis = Redis(connection_pool=pool)

    async def state(self) -> StoreState:
        """As the protocol has it."""
        return "ok" if await self._redis.dbsize() else "empty"

    async def popular(self, window_end: int | None, windows: int) -> list[PopularWindow]:
        """The latest window, which is all that Redis keeps."""
        del windows
        async with self._redis.pipeline(transaction=True) as together:
            together.get("popular:window_end")
            together.lrange("popular:items", 0, -1)
            together.hgetall("popular:counts")
            end, items, counts = await together.execute()
        if end is None or (window_end is not None and int(end) > window_end):
            return []
        places = [
            PopularItem(rank, int(item), int(counts.get(item, 0)))
            for rank, item in enumerate(items, 1)
        ]
        return [PopularWindow(int(end), places)]

    async def recommendations(self, user: int, limit: int, offset: int) -> list[Recommendation]:
        """The latest recommendation, which is all that Redis keeps."""
        key = f"recommendations:{user}"
        async with self._redis.pipeline(transaction=True) as together:
            together.lrange(key, 0, -1)
            together.get(f"{key}:time")
            items, time = await together.execute()
        if time is None or offset or not limit:
            return []
        return [Recommendation(int(time), [int(item) for item in items], None, None, None)]

    async def history(self, user: int, limit: int, offset: int) -> list[Event]:
        """The last items, without behavior and time."""
        items = await self._redis.lrange(f"history:{user}", offset, offset + limit - 1)
        return [Event(int(item), None, None) for item in items]

    async def events_between(self, user: int, start: int, end: int, limit: int) -> list[Event]:
        """Redis keeps no times."""
        del user, start, end, limit
        return []

    async def users(self, limit: int) -> list[int]:
        """Some users with a recommendation: Redis knows no order of them."""
        cursor, found = 0, dict[int, None]()
        for _ in range(_MOST_SCANS):
            cursor, keys = await self._redis.scan(
                cursor, match="recommendations:*:time", count=_KEYS_SCANNED
            )
            found |= dict.fromkeys(int(str(key).split(":")[1]) for key in keys)
            if len(found) >= limit or not cursor:
                break
        return list(found)[:limit]

    async def policy_minutes(self, minutes: int) -> list[PolicyMinutes]:
        """Redis stores keep none."""
        del minutes
        return []

    async def event_minutes(self, minutes: int) -> None:
        """Redis stores keep none."""
        del minutes

    async def workers(self) -> list[Worker]:
        """Redis stores keep none."""
        return []

    async def close(self) -> None:
        """As the protocol has it."""
        await self._redis.aclose()
        await self._redis.connection_pool.aclose()
