"""What is to be read of a topic's partition, and how it is coded."""

from __future__ import annotations

import struct
from functools import lru_cache
from itertools import count
from typing import NamedTuple

import apache_beam as beam

from transforms.shards.key_groups import GROUPS, key_group


class Partition(NamedTuple):
    """Offsets of a partition to read, from `start` up to `stop`, without it.

    Attributes:
        number: the partition's.
        start: the first offset.
        stop: the offset behind the last one.
        place: which of the partitions found in one look this is, from 0, and
        among: how many these are: the runner deals them out evenly.
    """

    number: int
    start: int
    stop: int
    place: int = 0
    among: int = 1


class PartitionCoder(beam.coders.Coder):
    """A partition's numbers and a last one, so chosen that Flink deals the partitions out evenly.

    Flink deals by a hash of the code: two partitions would be read by one of two workers in every
    other job, and by then it has twice the work.
    """

    def encode(self, value: Partition) -> bytes:
        """The partition as bytes, always the same ones."""
        return _encoded(value)

    def decode(self, encoded: bytes) -> Partition:
        """The partition that `encode` wrote."""
        return Partition(*_NUMBERS.unpack(encoded)[:-1])

    def is_deterministic(self) -> bool:
        """Equal partitions have equal bytes."""
        return True

    def to_type_hint(self) -> type[Partition]:
        """What it codes."""
        return Partition


_NUMBERS = struct.Struct(">qqqiiH")


@lru_cache(maxsize=1024)
def _encoded(partition: Partition) -> bytes:
    group = partition.place * GROUPS // partition.among
    codes = (_NUMBERS.pack(*partition, salt) for salt in count())
    # The runner does not know this coder, and takes its bytes with their length before them.
    return next(code for code in codes if key_group(bytes([len(code)]) + code) == group)


beam.coders.registry.register_coder(Partition, PartitionCoder)
