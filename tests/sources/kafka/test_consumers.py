"""Which positions are committed."""

import pytest

from sources.kafka import consumers as kafka_consumers
from sources.kafka.consumers import COMMIT_SECONDS, ConsumerPool
from sources.kafka.url import parse_url


def test_positions_are_committed_once_and_not_too_often(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(kafka_consumers.time, "monotonic", lambda: now)
    url, consumers = parse_url("kafka://localhost:9092/clicks"), ConsumerPool()

    def is_due(position: int, partition: int = 0, is_last: bool = False) -> bool:
        return consumers.is_to_commit(url, partition, position, is_last)

    assert is_due(5)
    assert is_due(5, partition=1)
    assert not is_due(9)
    now += COMMIT_SECONDS
    assert not is_due(5)
    assert is_due(9)
    assert not is_due(12)
    assert is_due(12, is_last=True)
    assert not is_due(12, is_last=True)
    now += COMMIT_SECONDS
    assert not is_due(12)
