"""The element that the Kafka reader processes: a partition and its offsets, and its coder."""

from __future__ import annotations

import struct
from functools import lru_cache
from itertools import count
from typing import NamedTuple

import apache_beam as beam

from sources.kafka.consumers import NO_TOPIC_ID
from transforms.shards.key_groups import GROUPS, key_group


class Partition(NamedTuple):
    """The offsets of a partition to read, from `start` to `stop` (exclusive).

    Attributes:
        number: the partition's number.
        start: the first offset.
        stop: one past the last offset.
        place: the index of this partition among those that were listed together, from 0.
        among: how many partitions were listed together; the runner distributes them evenly.
        topic_id: the id of the topic that these offsets belong to, 16 bytes.
    """

    number: int
    start: int
    stop: int
    place: int = 0
    among: int = 1
    topic_id: bytes = NO_TOPIC_ID


class PartitionCoder(beam.coders.Coder):
    """Codes a partition so that Flink distributes partitions evenly over its subtasks.

    Flink distributes by a hash of the encoded element, which would leave some subtasks with two
    partitions and others with none. The last number of the encoding is chosen so that the hash
    is right.
    """

    def encode(self, value: Partition) -> bytes:
        """The partition as bytes; equal partitions have equal bytes."""
        return _encoded(value)

    def decode(self, encoded: bytes) -> Partition:
        """The partition that `encode` wrote."""
        return Partition(*_NUMBERS.unpack(encoded)[:-1])

    def is_deterministic(self) -> bool:
        """Equal partitions have equal bytes."""
        return True

    def to_type_hint(self) -> type[Partition]:
        """The type that this codes."""
        return Partition


_NUMBERS = struct.Struct(">qqqii16sH")


@lru_cache(maxsize=1024)
def _encoded(partition: Partition) -> bytes:
    group = partition.place * GROUPS // partition.among
    codes = (_NUMBERS.pack(*partition, salt) for salt in count())
    # Flink does not know this coder. It hashes the bytes with their length in front.
    return next(code for code in codes if key_group(bytes([len(code)]) + code) == group)


beam.coders.registry.register_coder(Partition, PartitionCoder)
