"""Batches that are decompressed within limits, from bytes as kafka-python's producer writes."""

import tracemalloc
from collections.abc import Sequence
from typing import Any

import pytest
import snappy
from hypothesis import given
from hypothesis import strategies as st
from kafka.errors import CorruptRecordError
from kafka.record import MemoryRecords, MemoryRecordsBuilder

from sources.kafka.batches import (
    BoundedRecordBatch,
    RefusedBatch,
    TooManyBytesError,
    decompressing,
)
from sources.parsing.kafka_values import parse_values
from transforms.messages.dead_letters import TOO_LONG

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
MIB = 1 << 20
ERRORS = (CorruptRecordError, EOFError, snappy.UncompressError)
VALUES = st.binary(max_size=300) | st.integers(0, 2000).map(bytes)
HEADER = 61
"""Bytes of a batch before its records."""


def batch_bytes(codec: str, values: Sequence[bytes], offset: int = 0) -> bytes:
    """A batch's bytes, with its first offset as a broker sets it."""
    size = sum(map(len, values)) + 100 * len(values) + 1000
    builder = MemoryRecordsBuilder(magic=2, compression_type=CODECS[codec], batch_size=size)
    for value in values:
        builder.append(timestamp=1_500_000_000_000, key=None, value=value, headers=[])
    builder.close()
    return offset.to_bytes(8, "big") + bytes(builder.buffer())[8:]


def batches(*parts: bytes) -> list[BoundedRecordBatch]:
    return list(MemoryRecords(b"".join(parts)))


def cut(batch: Any, size: int) -> None:
    """Removes a batch's last bytes."""
    del batch._buffer[-size:]


@given(
    codec=st.sampled_from(sorted(CODECS)),
    values=st.lists(VALUES, min_size=1, max_size=20),
    limit=st.integers(1, 8000),
)
def test_a_batch_is_whole_or_is_one_value_that_is_too_long(
    codec: str, values: list[bytes], limit: int
) -> None:
    (plain,) = batches(batch_bytes("none", values, 100))
    size = plain.size_in_bytes - HEADER
    (batch,) = batches(batch_bytes(codec, values, 100))
    with decompressing(limit):
        records = list(batch)
    if not batch.compression_type or size <= limit:  # What does not get smaller is left as it is.
        assert [record.value for record in records] == values
        return
    (record,) = records
    assert record.offset == 100 + len(values) - 1
    words = bytes(record.value).decode()
    assert f"{len(values)} records, offsets 100 to {record.offset}" in words
    assert f"larger than {limit} bytes" in words
    assert len(record.value) == limit + 1
    assert parse_values([record.value], limit).malformed.reasons() == [TOO_LONG]


@pytest.mark.hostile
@pytest.mark.parametrize("codec", ["gzip", "lz4", "zstd", "snappy"])
def test_a_bomb_takes_little_more_memory_than_the_limit(codec: str) -> None:
    data = batch_bytes(codec, [bytes(64 * MIB)])
    tracemalloc.start()
    with decompressing(8 * MIB):
        (record,) = batches(data)[0]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(record.value, RefusedBatch)
    assert peak < 4 * len(data) + 32 * MIB


@pytest.mark.hostile
def test_a_poll_ends_before_a_batch_when_it_has_decompressed_enough() -> None:
    parts = [batch_bytes("zstd", [bytes(6000)], offset) for offset in range(4)]
    found = batches(*parts)
    with decompressing(10_000):
        assert [record.offset for batch in found[:2] for record in batch] == [0, 1]
        with pytest.raises(TooManyBytesError):
            iter(found[2])
    with decompressing(10_000):
        assert [record.offset for batch in found[2:] for record in batch] == [2, 3]


@pytest.mark.parametrize("codec", ["gzip", "lz4", "zstd", "snappy"])
def test_a_batch_that_is_cut_is_an_error(codec: str) -> None:
    data = batch_bytes(codec, [b"%d,2,3" % number for number in range(1000)])
    (batch,) = batches(data)
    cut(batch, 20)
    with pytest.raises(ERRORS):
        list(batch)


def test_an_lz4_frame_without_an_end_is_corrupt() -> None:
    (batch,) = batches(batch_bytes("lz4", [b"1,2,3" * 100]))
    cut(batch, 4)
    with pytest.raises(CorruptRecordError, match="ends too early"):
        list(batch)
