"""Requests that need much work do not stop answers for other clients."""

from __future__ import annotations

import asyncio
import gc
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.app import create_app
from serving.options import ServingSettings
from serving.schemas.users import Event
from serving.stores.group import StoreGroup, StoresDownError
from tests.serving.conftest import save_tiny
from tests.serving.tables import END, fill, sample

EVENTS, LISTS, ITEMS = 19_000, 600, 8
CLIENTS = 2
BODY = json.dumps(
    {"user": list(range(4096)), "item": [list(range(100, 190))] * 4096, "n_rec": 100}
).encode()


def max_block() -> float:
    """CPU seconds that the event loop's thread may be busy without a pause, on this machine.

    Twelve times what it takes to parse the largest request.
    """
    taken = []
    for _ in range(3):
        start = time.thread_time()
        json.loads(BODY)
        taken.append(time.thread_time() - start)
    return 12 * min(taken)


async def longest_block(work: Awaitable[Any]) -> float:
    """CPU seconds of this thread between two turns of another task, at most."""
    longest = 0.0
    task = asyncio.ensure_future(work)
    last = time.thread_time()
    while not task.done():
        await asyncio.sleep(0.001)
        now = time.thread_time()
        longest, last = max(longest, now - last), now
    await task
    return longest


def blocks(
    settings: ServingSettings, work: Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]
) -> float:
    """The longest block while several clients do the same at once."""

    async def run() -> float:
        app = create_app(settings)
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(
                transport=transport, base_url="http://localhost", timeout=120
            ) as client,
        ):
            await client.get("/models")
            answers = asyncio.gather(*(work(client) for _ in range(CLIENTS)))
            longest = await longest_block(answers)
            assert {answer.status_code for answer in answers.result()} == {200}
            return longest

    # What other tests left in this process is not the server's to collect.
    gc.collect()
    gc.freeze()
    try:
        return asyncio.run(run())
    finally:
        gc.unfreeze()


@pytest.mark.slow
def test_outcomes_of_a_heavy_user(tmp_path: Path) -> None:
    """19,000 events and 600 lists of one user, all within a day."""
    rows = replace(
        sample(),
        record=[(1, n % 400, "pv", END + n) for n in range(EVENTS)],
        recommendation=[
            (1, END + 20 * n, [(n + i) % 400 for i in range(ITEMS)], "a", [1.0] * ITEMS, 0)
            for n in range(LISTS)
        ],
        job=[(1_700_000_200_000, {"reward_window": 100_000})],
    )
    url = f"sqlite:///{tmp_path}/rivulet.db"
    fill(url, rows)
    settings = ServingSettings(store=(url,), model=("none",), store_timeout=60)
    path = "/users/1/recommendations?limit=500&outcomes=true"

    async def ask(client: httpx.AsyncClient) -> httpx.Response:
        answer = await client.get(path)
        assert answer.text.count('"outcomes":[') == 500
        # An event is credited to one list.
        assert answer.text.count('"reward"') > 500
        return answer

    assert blocks(settings, ask) < max_block()


@pytest.mark.slow
def test_large_inference_requests(tmp_path: Path) -> None:
    """4,096 users with 90 items each, and lists of 100 items."""
    (tmp_path / "rivulet.db").touch()
    model = str(save_tiny(tmp_path / "model"))
    settings = ServingSettings(store=(f"sqlite:///{tmp_path}/rivulet.db",), model=(model,))
    as_json = {"Content-Type": "application/json"}

    async def ask(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post("/reinforce", content=BODY, headers=as_json)

    assert blocks(settings, ask) < max_block()


class SlowReader:
    """A store whose queries never end; its state can be read unless it is down."""

    name = "slow"

    def __init__(self) -> None:
        self.down = False

    async def state(self) -> str:
        if self.down:
            raise ConnectionError("refused")
        return "ok"

    async def history(self, user: int, limit: int, offset: int) -> list[Event]:
        if user == 1:
            await asyncio.sleep(3600)
        return [Event(7, "pv", 1)]


def test_a_slow_query_does_not_stop_the_answers_for_others() -> None:
    async def work() -> None:
        reader = SlowReader()
        group = StoreGroup([reader], timeout=0.05)  # type: ignore[list-item]
        for _ in range(3):
            with pytest.raises(StoresDownError):
                await group.first(lambda store: store.history(1, 1, 0))
            found, store = await group.first(lambda store: store.history(2, 1, 0))
            assert (found, store) == ([Event(7, "pv", 1)], "slow")
            assert [one.state for one in await group.health()] == ["ok"]
        reader.down = True
        with pytest.raises(StoresDownError):
            await group.first(lambda store: store.history(1, 1, 0))
        # Known to be down, it is not queried for a moment.
        with pytest.raises(StoresDownError):
            await group.first(lambda store: store.history(2, 1, 0))
        assert [one.state for one in await group.health()] == ["down"]

    asyncio.run(work())
