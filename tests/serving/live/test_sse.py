"""Server-sent events: new listeners get the latest messages, all get the new ones."""

import asyncio

import pytest

from serving.live.sse import Broadcaster, TooManyListenersError

MAX_LISTENERS = 256


def test_new_listeners_get_the_latest_of_each_topic_and_all_get_news() -> None:
    async def work() -> list[bytes]:
        broadcaster = Broadcaster(MAX_LISTENERS, lambda listeners: None)
        broadcaster.publish("one", b"1")
        broadcaster.publish("one", b"2")
        broadcaster.publish("two", b"3")
        messages = broadcaster.listen()
        first = await anext(messages)
        broadcaster.publish("two", b"3")  # unchanged: not sent
        broadcaster.publish("one", b"4")
        second = await anext(messages)
        broadcaster.close()
        rest = [message async for message in messages]
        return [first, second, *rest]

    first, second = asyncio.run(work())
    assert b"data: 2" in first
    assert b"data: 3" in first
    assert b"data: 1" not in first
    assert second == b"event: one\ndata: 4\n\n"


def test_a_listener_that_does_not_read_is_dropped() -> None:
    async def work() -> int:
        broadcaster = Broadcaster(MAX_LISTENERS, lambda listeners: None)
        messages = broadcaster.listen()
        await anext(messages)
        for number in range(1000):
            broadcaster.send("one", b"%d" % number)
        assert [message async for message in messages] == []
        return broadcaster.listeners

    assert asyncio.run(work()) == 0


def test_too_many_pages_are_refused() -> None:
    async def work() -> None:
        broadcaster = Broadcaster(MAX_LISTENERS, lambda listeners: None)
        pages = [broadcaster.listen() for _ in range(MAX_LISTENERS)]
        for page in pages:
            await anext(page)
        with pytest.raises(TooManyListenersError):
            broadcaster.listen()

    asyncio.run(work())
