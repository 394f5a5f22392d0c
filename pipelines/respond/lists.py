"""The lists that users see: their newest ones in a store, or from the API.

The readers of stores are those of `serving`, which no pipeline imports: they are found by name,
when a URL needs them.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt

from rivulet.errors import UserError
from rivulet.plugins import Plugins
from rivulet.urls import with_secrets

Int64s = npt.NDArray[np.int64]

AT_ONCE = 16
"""Queries at a time."""
MOST_BYTES = 1 << 20
"""Largest answer of the API."""
WAITS = (0.5, 1.0, 2.0, 4.0)
"""Seconds before a failed query is tried again."""
_READERS = Plugins("rivulet.list_readers", {"store": "serving.stores.opening:open_reader"})

Newest = tuple[int, list[int]]
"""A list's time (seconds since the epoch) and its items."""


class ListsError(UserError):
    """A store or the API gives no lists; one line that says why."""


class Lists(Protocol):
    """A source of lists."""

    def newest(self, users: Sequence[int], now: int) -> list[Newest | None]:
        """Each user's newest list of a time up to `now`; None where there is none.

        Raises:
            ListsError: the source does not answer.
        """

    def close(self) -> None:
        """Ends the connections."""


def open_lists(url: str, timeout: float, token: str | None = None) -> Lists:
    """The lists of a URL; nothing is connected yet.

    Args:
        url: http://HOST:PORT of the API, or the URL of a store that `python -m serving` reads.
        timeout: seconds that one query may take.
        token: the API's token; `${NAME}` is replaced from the environment.

    Raises:
        ListsError: the URL cannot be used.
    """
    if urlsplit(url).scheme in ("http", "https"):
        return ApiLists(url, timeout, with_secrets(token) if token else None)
    return StoreLists(url, timeout)


class StoreLists:
    """The lists of a store.

    Args:
        url: the store's URL.
        timeout: seconds that one query may take.
    """

    def __init__(self, url: str, timeout: float) -> None:
        self._now, self._loop = 0, asyncio.new_event_loop()
        try:
            opened: Any = _READERS.find("store")
            self._reader = opened(url, timeout, lambda: self._now)
        except (ValueError, ImportError) as error:
            self._loop.close()
            raise ListsError(f"--respond: {error}") from error

    def newest(self, users: Sequence[int], now: int) -> list[Newest | None]:
        """As in `Lists`."""
        self._now = now
        return self._loop.run_until_complete(self._all(users, now))

    async def _all(self, users: Sequence[int], now: int) -> list[Newest | None]:
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(user: int) -> Newest | None:
            async with slots:
                found = await self._patiently(lambda: self._reader.recommendations(user, 1, 0))
            return newest_of([(each.time, each.items) for each in found], now)

        return list(await asyncio.gather(*(one(user) for user in users)))

    async def _patiently(self, query: Callable[[], Awaitable[Any]]) -> Any:
        for wait in (*WAITS, None):
            try:
                return await query()
            except Exception as error:  # each driver has errors of its own
                if wait is None:
                    raise ListsError(
                        f"--respond: {self._reader.name} gives no lists: "
                        f"{' '.join(str(error).split()) or type(error).__name__}"
                    ) from error
                await asyncio.sleep(wait)
        raise AssertionError  # the last wait is None

    def close(self) -> None:
        """Ends the connections."""
        self._loop.run_until_complete(self._reader.close())
        self._loop.close()


class ApiLists:
    """The lists of the API of `python -m serving`.

    Args:
        url: its address.
        timeout: seconds that one query may take.
        token: sent as a bearer token; None for none.
    """

    def __init__(self, url: str, timeout: float, token: str | None) -> None:
        parts = urlsplit(url)
        try:
            self._port = parts.port
        except ValueError as error:
            raise ListsError(f"--respond: {url}: {error}") from error
        if not parts.hostname:
            raise ListsError(f"--respond: {url} names no host; it looks like http://127.0.0.1:8000")
        self._host, self._tls, self._path = parts.hostname, parts.scheme == "https", parts.path
        self._timeout = timeout
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._pool = ThreadPoolExecutor(AT_ONCE)

    def newest(self, users: Sequence[int], now: int) -> list[Newest | None]:
        """As in `Lists`."""
        return list(self._pool.map(lambda user: self._patiently(user, now), users))

    def _patiently(self, user: int, now: int) -> Newest | None:
        for wait in (*WAITS, None):
            try:
                return newest_of(self._rows(user), now)
            except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
                if wait is None:
                    raise ListsError(
                        f"--respond: the API at {self._host}:{self._port} gives no lists: {error}"
                    ) from error
                time.sleep(wait)
        raise AssertionError  # the last wait is None

    def _rows(self, user: int) -> list[tuple[int, list[int]]]:
        kind = http.client.HTTPSConnection if self._tls else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=self._timeout)
        try:
            path = f"{self._path.rstrip('/')}/users/{user}/recommendations?limit=5"
            connection.request("GET", path, headers=self._headers)
            answer = connection.getresponse()
            body = answer.read(MOST_BYTES + 1)
        finally:
            connection.close()
        if answer.status == http.client.NOT_FOUND:
            return []
        if answer.status in (http.client.UNAUTHORIZED, http.client.FORBIDDEN):
            raise ListsError(f"--respond: the API at {self._host} refuses the --respond_token")
        if answer.status != http.client.OK or len(body) > MOST_BYTES:
            raise ValueError(f"status {answer.status}, {len(body):,} bytes")
        rows = json.loads(body)["recommendations"]
        return [(int(row["time"]), list(row["items"])) for row in rows]

    def close(self) -> None:
        """Ends the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def newest_of(rows: Sequence[tuple[int, Sequence[object]]], now: int) -> Newest | None:
    """The newest of some lists up to `now`, with those of its items that are integers."""
    past = [row for row in rows if row[0] <= now]
    if not past:
        return None
    at, items = max(past, key=lambda row: row[0])
    return at, [item for item in items if type(item) is int and 0 < item < 2**63]


def as_matrix(found: Sequence[Newest | None], now: int, age: int, size: int) -> Int64s:
    """Lists as int64 [n, size], padded with 0.

    Args:
        found: the users' newest lists.
        now: the present, in seconds since the epoch.
        age: lists that are older are not seen, in seconds.
        size: items of a list that are seen, the first ones.
    """
    lists = np.zeros((len(found), size), np.int64)
    for row, each in enumerate(found):
        if each is not None and now - each[0] <= age:
            lists[row, : len(each[1])] = each[1][:size]
    return lists
