"""A store whose server is killed in the middle of many writes."""

import threading
import time
from collections.abc import Callable

from deploy.server import Server
from sinks.base import Store
from sinks.retry import retry_outages
from tests.sinks.frames import events
from transforms.messages.events import EventBatch

T = 1_500_000_000
USERS, ITEMS = 20, 100
PATIENCE = 300.0
"""Seconds until a test gives up; far more than it takes."""


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def write_through_an_outage(store: Store, server: Server) -> None:
    """Writes each of ITEMS items for USERS users, while the server is killed and started again."""
    write = store.writer(EventBatch)
    written: list[int] = []
    retries: list[int] = []
    resume = threading.Event()
    failures: list[BaseException] = []

    def write_all() -> None:
        retry = retry_outages(store, lambda: retries.append(1))
        try:
            for item in range(ITEMS):
                if item == ITEMS // 2:
                    # The rest is written while the server is not there.
                    assert resume.wait(PATIENCE)
                rows = events(*((user, item, "pv", T + item) for user in range(USERS)))
                assert not retry(write, rows)
                written.append(item)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=write_all, daemon=True)
    thread.start()
    wait_until(lambda: len(written) == ITEMS // 2 or bool(failures))
    server.kill()
    resume.set()
    wait_until(lambda: bool(retries) or bool(failures))
    assert thread.is_alive()
    server.start()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert not failures
    assert len(written) == ITEMS
