"""The reader of a MongoDB store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.cursor import AsyncCursor
from pymongo.errors import ConfigurationError, InvalidURI

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

DEFAULT_DATABASE = "rivulet"
_COLLECTIONS = ("records", "popular", "recommendResults")
_BATCH = 1000
"""Documents that are decoded at once: a few milliseconds of the event loop."""


class MongoReader:
    """Reads the collections of a job: records, popular, recommendResults, items and jobs.

    Args:
        url: `mongodb://HOST:PORT/DATABASE`; the database is `rivulet` if none is named.
        timeout: seconds that a query may take, connecting included.
        horizon: the largest time that is shown.

    Raises:
        StoreURLError: PyMongo does not accept the URL.
    """

    def __init__(self, url: str, timeout: float, horizon: Horizon) -> None:
        self.name = public_name(url)
        self._horizon = horizon
        self._rows = rows.Rows(self.name)
        self._kinds = StoreKinds(self.job_settings)
        plain, prefix = split_prefix(url)
        milliseconds = max(1, round(timeout * 1000))
        try:
            self._client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
                plain,
                timeoutMS=milliseconds,
                serverSelectionTimeoutMS=milliseconds,
                connectTimeoutMS=milliseconds,
                appname="rivulet-serving",
            )
            self._database = self._client.get_default_database(DEFAULT_DATABASE)
            self._prefix = prefix
        except (InvalidURI, ConfigurationError, ValueError):
            # PyMongo's own message may hold a part of the password.
            raise StoreURLError(
                f"{self.name} is no MongoDB URL; it looks like "
                "mongodb://USER:PASSWORD@HOST:27017/DATABASE"
            ) from None

    def _of(self, name: str) -> AsyncCollection[dict[str, Any]]:
        return self._database[f"{self._prefix}{name}"]

    async def state(self) -> StoreState:
        """See `Reader`."""
        for name in _COLLECTIONS:
            if await self._of(name).find_one({}, {"_id": 1}):
                return "ok"
        return "empty"

    async def popular(self, window_end: int | None, windows: int) -> list[PopularWindow]:
        """See `Reader`."""
        last = self._horizon() if window_end is None else min(window_end, self._horizon())
        found = self._of("popular").find({"_id": {"$lte": last}})
        ids = await self._kinds.rows()
        newest = await _all(found.sort("_id", -1).limit(windows))
        return self._rows.valid(partial(_popular_window, ids), newest)

    async def related(self, kind: str, item: Id) -> RelatedList | None:
        """See `RelatedReader`."""
        wanted = {"_id": f"{kind}:{item}", "time": {"$lte": self._horizon()}}
        found = await self._of("related").find_one(wanted)
        make = partial(_related, await self._kinds.rows())
        return None if found is None else self._rows.one(make, found)

    async def recommendations(self, user: Id, limit: int, offset: int) -> list[Recommendation]:
        """See `Reader`."""
        wanted = {"user": user, "time": {"$lte": self._horizon()}}
        found = self._of("recommendResults").find(wanted)
        page = await _all(found.sort("time", -1).skip(offset).limit(limit))
        return self._rows.valid(partial(_recommendation, await self._kinds.rows()), page)

    async def history(self, user: Id, limit: int, offset: int) -> list[Event]:
        """See `Reader`."""
        found = self._of("records").find({"user": user, "time": {"$lte": self._horizon()}})
        order = [("time", -1), ("item", -1), ("behavior", 1)]
        page = await _all(found.sort(order).skip(offset).limit(limit))
        return self._rows.valid(partial(_event, await self._kinds.rows()), page)

    async def events_between(self, user: Id, start: int, end: int, limit: int) -> list[Event]:
        """See `Reader`."""
        last = min(end - 1, self._horizon())
        found = self._of("records").find({"user": user, "time": {"$gte": start, "$lte": last}})
        order = [("time", 1), ("item", 1), ("behavior", 1)]
        page = await _all(found.sort(order).limit(limit))
        return self._rows.valid(partial(_event, await self._kinds.rows()), page)

    async def purchases(self, user: Id, start: int, end: int, limit: int) -> list[Event]:
        """See `Reader`."""
        last = min(end - 1, self._horizon())
        wanted = {"user": user, "behavior": "buy", "time": {"$gte": start, "$lte": last}}
        found = self._of("records").find(wanted).sort([("time", -1), ("item", -1)])
        ids = await self._kinds.rows()
        return self._rows.valid(partial(_event, ids), await _all(found.limit(limit)))

    async def users(self, limit: int) -> list[Id]:
        """See `Reader`."""
        wanted = {"time": {"$lte": self._horizon()}}
        found = self._of("recommendResults").find(wanted, {"user": 1})
        # The order of insertion is close to the order of time and needs no index of its own.
        latest = await _all(found.sort("_id", -1).limit(2 * limit))
        user = partial(_user, await self._kinds.rows())
        return list(dict.fromkeys(self._rows.valid(user, latest)))[:limit]

    async def policy_minutes(self, minutes: int) -> list[PolicyMinutes]:
        """MongoDB stores have none."""
        del minutes
        return []

    async def event_minutes(self, minutes: int) -> None:
        """MongoDB stores have none."""
        del minutes

    async def workers(self) -> list[Worker]:
        """MongoDB stores have none."""
        return []

    async def job_settings(self) -> JobSettings | None:
        """See `Reader`."""
        found = self._of("jobs").find({"_id": {"$lte": 1000 * self._horizon()}})
        newest = await _all(found.sort("_id", -1).limit(1))
        return next(iter(self._rows.valid(_job_settings, newest)), None)

    async def items(self, ids: Sequence[str]) -> list[Item]:
        """Those of the items that the store has, in any order."""
        found = await _all(self._of("items").find({"_id": {"$in": list(ids)}}))
        return self._rows.valid(_item, found)

    async def has_items(self) -> bool:
        """Whether the store has any item."""
        return await self._of("items").find_one({}, {"_id": 1}) is not None

    async def close(self) -> None:
        """See `Reader`."""
        await self._client.close()


Document = Mapping[str, Any]


async def _all(found: AsyncCursor[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row async for row in found.batch_size(_BATCH)]


def _popular_window(ids: rows.IdRows, row: Document) -> PopularWindow:
    places = rows.each(_item_and_count, row.get("items"))
    return ids.popular_window(
        (row["_id"], [(rank, *place) for rank, place in enumerate(places, 1)])
    )


def _item_and_count(place: Any) -> tuple[Any, Any]:
    if not isinstance(place, Mapping):
        raise rows.MalformedRowError(f"{str(place)[:80]!r} is no item with its count")
    return place.get("item"), place.get("count")


def _related(ids: rows.IdRows, row: Document) -> RelatedList:
    return related_list(ids, [row.get(name) for name in ("time", "items", "counts")])


def _recommendation(ids: rows.IdRows, row: Document) -> Recommendation:
    names = ("time", "itemRec", "policy", "propensities", "lastReward")
    return ids.recommendation([row.get(name) for name in names])


def _event(ids: rows.IdRows, row: Document) -> Event:
    return ids.event([row.get(name) for name in ("item", "behavior", "time")])


def _user(ids: rows.IdRows, row: Document) -> Id:
    return ids.user(row.get("user"))


def _item(row: Document) -> Item:
    return item_of([row.get(name) for name in ("_id", "updated", "available", "details")])


def _job_settings(row: Document) -> JobSettings:
    return rows.job_settings((row["_id"], row.get("settings")))
