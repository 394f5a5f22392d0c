"""Kafka's metadata as a consumer has them, made up."""

import uuid
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any


@dataclass
class Metadata:
    """What brokers say of topics: one topic of any name, or none."""

    id: uuid.UUID | None = None
    partitions: int | None = 1

    def request_update(self) -> None:
        pass

    def topic_id(self, _: str) -> uuid.UUID | None:
        return self.id

    def partitions_for_topic(self, _: str) -> set[int] | None:
        return None if self.partitions is None else set(range(self.partitions))


class Client:
    """The private parts of a consumer that `sources.kafka.consumers` uses."""

    _net: Any = SimpleNamespace(run=lambda *_: None)
    _manager: Any = SimpleNamespace(wait_for=None)
