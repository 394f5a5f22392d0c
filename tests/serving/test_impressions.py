"""The API writes an impression for each list that it hands out, and never waits for Kafka."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from serving import impressions
from serving.impressions import ImpressionWriter
from serving.metrics import Metrics
from sources.kafka.url import parse_url
from tests.serving.in_process import application
from tests.serving.tables import Rows, fill

URL = "kafka://127.0.0.1:9/seen"


class Producer:
    """Keeps what is sent; a value of `refused` is not accepted."""

    def __init__(self, refused: bytes = b"none") -> None:
        self.sent: list[tuple[str, bytes, bytes]] = []
        self.refused, self.closed = refused, False
        self.free = threading.Event()
        self.free.set()

    def send(self, topic: str, value: bytes, key: bytes) -> "Producer":
        self.free.wait()
        self.sent.append((topic, value, key))
        return self

    def add_callback(self, call: Callable[[Any], None]) -> None:
        if self.sent[-1][1] != self.refused:
            call(None)

    def add_errback(self, call: Callable[[BaseException], None]) -> None:
        if self.sent[-1][1] == self.refused:
            call(OSError("no"))

    def flush(self, _: float) -> None: ...

    def close(self, _: float) -> None:
        self.closed = True


def test_an_answer_with_the_newest_list_is_an_impression(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    producer = Producer()
    monkeypatch.setattr(ImpressionWriter, "_producer", lambda self: producer)
    url = f"sqlite:///{tmp_path / 'lists.db'}"
    now = int(time.time()) // 20 * 20
    fill(url, Rows(recommendation=[(7, at, [1, 2], "p-1", [1.0] * 2, -1)
                                   for at in (now - 20, now)]))  # fmt: skip
    with application(url, impressions=URL) as client:
        answer = client.get("/users/7/recommendations")
        assert answer.status_code == 200
        again = {"If-None-Match": answer.headers["ETag"]}
        assert client.get("/users/7/recommendations", headers=again).status_code == 304
        client.get("/users/7/recommendations?outcomes=true")
        client.get("/users/7/recommendations?offset=1")
        client.get("/users/8/recommendations")
    assert producer.closed
    topic, value, key = producer.sent[0]
    assert (topic, key) == ("seen", b"7")
    user, at, seen = map(int, value.split(b","))
    assert (user, at) == (7, now)
    assert now <= seen <= time.time()
    assert len(producer.sent) == 2


def test_what_kafka_does_not_take_is_counted_and_nobody_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(impressions, "QUEUE", 2)
    metrics, producer = Metrics(), Producer(refused=b"2,40,100")
    producer.free.clear()
    writer = ImpressionWriter(parse_url(URL), metrics, lambda: 100.9, lambda: producer)
    writer.show("a\u00e9,b", 20)
    while not writer._waiting.empty():  # The thread holds it, and waits for Kafka.
        time.sleep(0.01)
    for user in (1, 2, 3):
        writer.show(user, 40)
    producer.free.set()
    writer.close()
    first, *others = [value for _, value, _ in producer.sent]
    assert json.loads(first) == {"user": "a\u00e9,b", "T": 20, "time": 100}
    assert others == [b"1,40,100", b"2,40,100"]
    told = metrics.text().decode()
    assert "rivulet_impressions_total 2.0" in told
    assert "rivulet_impressions_failed_total 2.0" in told


def test_without_a_broker_the_server_ends_and_counts_what_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(impressions, "RETRY_SECONDS", 0.01)
    tried = threading.Semaphore(0)

    def refuse() -> None:
        tried.release()
        raise OSError("no broker")

    metrics = Metrics()
    writer = ImpressionWriter(parse_url(URL), metrics, connect=refuse)
    writer.show(1, 20)
    assert tried.acquire(timeout=60)
    assert tried.acquire(timeout=60)
    writer.close()
    assert "rivulet_impressions_failed_total 1.0" in metrics.text().decode()
