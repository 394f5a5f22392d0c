"""Kafka's metadata as a consumer has them, made up."""

import uuid
from dataclasses import dataclass


@dataclass
class Metadata:
    """What brokers say of topics: one topic of any name, or none."""

    id: uuid.UUID | None = None
    partitions: int | None = 1

    def topic_id(self, _: str) -> uuid.UUID | None:
        return self.id

    def partitions_for_topic(self, _: str) -> set[int] | None:
        return None if self.partitions is None else set(range(self.partitions))
