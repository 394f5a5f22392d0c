"""Stores that the steps of a job share in a process."""

from dataclasses import dataclass
from typing import Any

from sinks import shared_stores
from sinks.base import Store, StoreSource, Write


class OpenStore(Store):
    def __init__(self) -> None:
        self.name, self.closed = "fake://", 0

    def prepare(self) -> None: ...

    def writer(self, message_type: type[Any]) -> Write:
        return lambda message: []

    def is_outage(self, error: BaseException) -> bool:
        return False

    def close(self) -> None:
        self.closed += 1


@dataclass(frozen=True)
class FakeSource(StoreSource):
    number: int

    @property
    def name(self) -> str:
        return "fake://"

    def accepts(self, message_type: type[Any]) -> bool:
        return True

    def open(self) -> OpenStore:
        return OpenStore()


def acquire(job: str, source: FakeSource) -> OpenStore:
    store = shared_stores.acquire(job, source)
    assert isinstance(store, OpenStore)
    return store


def test_steps_of_a_job_share_a_store_and_jobs_do_not() -> None:
    one = acquire("a", FakeSource(1))
    assert acquire("a", FakeSource(1)) is one
    others = [acquire("b", FakeSource(1)), acquire("a", FakeSource(2))]
    assert one not in others
    shared_stores.release("a", FakeSource(1))
    assert one.closed == 0
    shared_stores.release("a", FakeSource(1))
    assert one.closed == 1
    assert [store.closed for store in others] == [0, 0]
    shared_stores.release("b", FakeSource(1))
    shared_stores.release("a", FakeSource(2))
    assert [store.closed for store in others] == [1, 1]


def test_a_store_is_opened_again_after_its_last_user() -> None:
    first = acquire("c", FakeSource(1))
    shared_stores.release("c", FakeSource(1))
    second = acquire("c", FakeSource(1))
    shared_stores.release("c", FakeSource(1))
    assert second is not first
