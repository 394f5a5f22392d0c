"""What the page is told of the job, and how it is handed to those who listen."""

import asyncio
from dataclasses import replace

import pytest

from serving.live.job_status import heartbeat_of
from serving.live.sse import MOST_LISTENERS, Broadcaster, TooManyListenersError
from serving.schemas.responses import Job

NOW = 1_700_000_000.0
JOB = Job(
    started_at=NOW - 100, updated_at=NOW - 1, workers=1, read=1000, closed=900, duplicates=0,
    late=0, malformed=0, recommendations=0, read_to=int(NOW) - 5, closed_to=int(NOW) - 40,
    store="s",
)  # fmt: skip


def test_a_running_job_has_a_rate_and_a_lag() -> None:
    before = replace(JOB, updated_at=NOW - 5, read=600)
    pulse = heartbeat_of(JOB, NOW, before)
    assert (pulse.rate, pulse.behind, pulse.lag, pulse.running) == (100, 35, 40, True)
    assert heartbeat_of(JOB, NOW, None).rate is None


def test_of_a_replay_of_old_events_no_lag_is_told() -> None:
    old = replace(JOB, read_to=1_000_000, closed_to=999_980)
    pulse = heartbeat_of(old, NOW, None)
    assert (pulse.lag, pulse.behind) == (None, 20)


def test_a_job_that_says_nothing_any_more_stands_still() -> None:
    pulse = heartbeat_of(JOB, NOW + 60, replace(JOB, updated_at=NOW - 5, read=600))
    assert (pulse.rate, pulse.lag, pulse.running, pulse.at) == (0.0, None, False, NOW + 60)


def test_who_comes_later_gets_the_latest_of_each_and_news_goes_to_all() -> None:
    async def work() -> list[bytes]:
        hub = Broadcaster(lambda listeners: None)
        hub.publish("one", b"1")
        hub.publish("one", b"2")
        hub.publish("two", b"3")
        messages = hub.listen()
        first = await anext(messages)
        hub.publish("two", b"3")  # nothing new: not sent
        hub.publish("one", b"4")
        second = await anext(messages)
        hub.close()
        rest = [message async for message in messages]
        return [first, second, *rest]

    first, second = asyncio.run(work())
    assert b"data: 2" in first
    assert b"data: 3" in first
    assert b"data: 1" not in first
    assert second == b"event: one\ndata: 4\n\n"


def test_a_listener_that_reads_nothing_is_let_go() -> None:
    async def work() -> int:
        hub = Broadcaster(lambda listeners: None)
        messages = hub.listen()
        await anext(messages)
        for number in range(1000):
            hub.pass_on("one", b"%d" % number)
        assert [message async for message in messages] == []
        return hub.listeners

    assert asyncio.run(work()) == 0


def test_too_many_pages_are_refused() -> None:
    async def work() -> None:
        hub = Broadcaster(lambda listeners: None)
        pages = [hub.listen() for _ in range(MOST_LISTENERS)]
        for page in pages:
            await anext(page)
        with pytest.raises(TooManyListenersError):
            hub.listen()

    asyncio.run(work())
