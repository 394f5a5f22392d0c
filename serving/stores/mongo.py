"""A MongoDB store."""

from __future__ import annotations

from typing import Any

from pymongo import AsyncMongoClient
from pymongo.errors import ConfigurationError, InvalidURI

from serving.schemas.responses import (
    Event,
    PolicyMinutes,
    PopularItem,
    PopularWindow,
    Recommendation,
    StoreState,
)
from serving.stores.base import StoreURLError, Worker, public_name

DEFAULT_DATABASE = "rivulet"
_COLLECTIONS = ("records", "popular", "recommendResults")


class MongoReader:
    """Reads the collections of spec section 6.

    Args:
        url: `mongodb://HOST:PORT/DATABASE`; the database is `rivulet` if none is named.
        timeout: seconds that a query may take, connecting included.

    Raises:
        StoreURLError: PyMongo does not take the URL.
    """

    def __init__(self, url: str, timeout: float) -> None:
        self.name = public_name(url)
        milliseconds = max(1, round(timeout * 1000))
        try:
            self._client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
                url,
                timeoutMS=milliseconds,
                serverSelectionTimeoutMS=milliseconds,
                connectTimeoutMS=milliseconds,
                appname="rivulet-serving",
            )
            self._database = self._client.get_default_database(DEFAULT_DATABASE)
        except (InvalidURI, ConfigurationError, ValueError) as error:
            raise StoreURLError(f"{self.name} is no MongoDB URL: {error}") from error

    async def state(self) -> StoreState:
        """As the protocol has it."""
        for name in _COLLECTIONS:
            if await self._database[name].find_one({}, {"_id": 1}):
                return "ok"
        return "empty"

    async def popular(self, window_end: int | None, windows: int) -> list[PopularWindow]:
        """As the protocol has it."""
        wanted = {} if window_end is None else {"_id": {"$lte": window_end}}
        found = self._database["popular"].find(wanted).sort("_id", -1).limit(windows)
        return [
            PopularWindow(
                row["_id"],
                [
                    PopularItem(rank, place["item"], place["count"])
                    for rank, place in enumerate(row["items"], 1)
                ],
            )
            async for row in found
        ]

    async def recommendations(self, user: int, limit: int, offset: int) -> list[Recommendation]:
        """As the protocol has it."""
        rows = self._database["recommendResults"].find({"user": user})
        return [
            Recommendation(
                row["time"],
                row["itemRec"],
                row.get("policy"),
                row.get("propensities"),
                row.get("lastReward"),
            )
            async for row in rows.sort("time", -1).skip(offset).limit(limit)
        ]

    async def history(self, user: int, limit: int, offset: int) -> list[Event]:
        """As the protocol has it."""
        rows = self._database["records"].find({"user": user})
        order = [("time", -1), ("item", -1), ("behavior", 1)]
        return [_event(row) async for row in rows.sort(order).skip(offset).limit(limit)]

    async def events_between(self, user: int, start: int, end: int, limit: int) -> list[Event]:
        """As the protocol has it."""
        wanted = {"user": user, "time": {"$gte": start, "$lt": end}}
        rows = self._database["records"].find(wanted)
        order = [("time", 1), ("item", 1), ("behavior", 1)]
        return [_event(row) async for row in rows.sort(order).limit(limit)]

    async def users(self, limit: int) -> list[int]:
        """As the protocol has it."""
        rows = self._database["recommendResults"].find({}, {"user": 1})
        # The order of insertion is near enough, and needs no index of its own.
        found = [row["user"] async for row in rows.sort("_id", -1).limit(2 * limit)]
        return list(dict.fromkeys(found))[:limit]

    async def policy_minutes(self, minutes: int) -> list[PolicyMinutes]:
        """MongoDB stores keep none."""
        del minutes
        return []

    async def event_minutes(self, minutes: int) -> None:
        """MongoDB stores keep none."""
        del minutes

    async def workers(self) -> list[Worker]:
        """MongoDB stores keep none."""
        return []

    async def close(self) -> None:
        """As the protocol has it."""
        await self._client.close()


def _event(row: dict[str, Any]) -> Event:
    return Event(row["item"], row.get("behavior"), row["time"])
