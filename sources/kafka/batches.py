"""Record batches that are decompressed within limits.

kafka-python decompresses a batch whole, whatever its size is then: 1 MB of a topic may become
gigabytes. Importing this module replaces the class of its batches. The replacement stops at a
limit. The batch is then one record that says so, whose value is longer than any other may be, so
that readers treat it as they treat a value that is too long.
"""

# ruff: noqa: SLF001 - fields of the base class, which has no other way to change a batch

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import lz4.frame
import snappy
import zstandard
from kafka.errors import CorruptRecordError, RetriableError
from kafka.record import legacy_records, memory_records
from kafka.record.default_records import DefaultRecord, DefaultRecordBatch

MAX_BATCH = 64 << 20
"""The default limit, in bytes."""

_XERIAL = b"\x82SNAPPY\x00"
_XERIAL_HEADER = 16
_LENGTH = 4


class TooManyBytesError(RetriableError):
    """The next batches do not fit into this poll; a new consumer reads on from its position."""


class _TooLargeError(Exception):
    """Decompressed data exceed the limit."""


class RefusedBatch(bytes):
    """Says, as the value of a record, that its batch is too large.

    Its length as `len` gives it is `size`, not that of its words.

    Attributes:
        size: one more than the limit, in bytes.
    """

    size: int

    @staticmethod
    def of(batch: Any, limit: int) -> RefusedBatch:
        """The value that stands for a batch of kafka-python."""
        made = RefusedBatch(
            f"a batch of {batch.records_count} records, offsets {batch.base_offset} to "
            f"{batch.last_offset}, that is larger than {limit} bytes when it is decompressed; "
            "--kafka_max_batch is the limit".encode()
        )
        made.size = limit + 1
        return made

    def __len__(self) -> int:
        return self.size


@dataclass
class PollBudget:
    """What one poll may decompress.

    Attributes:
        limit: bytes of a batch.
        left: bytes that this poll may still decompress before a further batch is left to the
            next one.
    """

    limit: int
    left: int


_BUDGET: ContextVar[PollBudget | None] = ContextVar("poll_budget", default=None)


@contextmanager
def decompressing(limit: int) -> Iterator[None]:
    """Sets the limit of each batch, and of all batches of a poll together.

    A poll ends before a batch once it has decompressed `limit` bytes; the next poll of the same
    consumer raises TooManyBytesError.
    """
    token = _BUDGET.set(PollBudget(limit, limit))
    try:
        yield
    finally:
        _BUDGET.reset(token)


class BoundedRecordBatch(DefaultRecordBatch):
    """A batch of Kafka's message format 2 that is decompressed within the limits."""

    _refused: RefusedBatch | None = None

    def _maybe_uncompress(self) -> None:
        fields: Any = self  # Those of the base class have no types.
        codec = fields.compression_type
        if fields._decompressed or codec == fields.CODEC_NONE:
            super()._maybe_uncompress()
            return
        fields._assert_has_codec(codec)
        budget = _BUDGET.get()
        limit = MAX_BATCH if budget is None else budget.limit
        if budget is not None and budget.left <= 0:
            raise TooManyBytesError
        try:
            unpacked = DECODERS[codec](memoryview(fields._buffer)[fields._pos :], limit)
        except _TooLargeError:
            self._refused = RefusedBatch.of(fields, limit)
            unpacked = b""
        if budget is not None:
            budget.left -= len(unpacked) or limit
        fields._buffer, fields._pos, fields._decompressed = bytearray(unpacked), 0, True

    def __next__(self) -> Any:
        if self._refused is None:
            return super().__next__()
        fields: Any = self
        if fields._next_record_index:
            raise StopIteration
        fields._next_record_index = 1
        time, kind = fields.max_timestamp, fields.timestamp_type
        return DefaultRecord(0, fields.last_offset, time, kind, None, self._refused, [])

    next = __next__


def ungzip(data: memoryview, limit: int) -> bytes:
    """A gzip of at most `limit` bytes."""
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
        return _within(stream.read(limit + 1), limit)


def unsnap(data: memoryview, limit: int) -> bytes:
    """A snappy block, or a stream of them as xerial's library writes it."""
    if bytes(data[: len(_XERIAL)]) != _XERIAL or len(data) <= _XERIAL_HEADER:
        return _snappy_block(bytes(data), limit)
    found, size, at = [], 0, _XERIAL_HEADER
    while at < len(data):
        end = at + _LENGTH + int.from_bytes(data[at : at + _LENGTH], "big")
        block = _snappy_block(bytes(data[at + _LENGTH : end]), limit - size)
        found.append(block)
        size += len(block)
        at = end
    return b"".join(found)


def _snappy_block(block: bytes, limit: int) -> bytes:
    # A block begins with its size, as a varint, and no decoder exceeds it.
    size = 0
    for place, byte in enumerate(block[:5]):
        size |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            break
    if size > limit:
        raise _TooLargeError
    return bytes(snappy.decompress(block))


def unlz4(data: memoryview | bytes, limit: int) -> bytes:
    """Frames of LZ4."""
    found, size, rest = [], 0, bytes(data)
    while rest:
        frame = lz4.frame.LZ4FrameDecompressor()
        found.append(_within(frame.decompress(rest, max_length=limit - size + 1), limit - size))
        size += len(found[-1])
        if not frame.eof:
            raise CorruptRecordError("an LZ4 frame ends too early")
        rest = frame.unused_data or b""
    return b"".join(found)


def unzstd(data: memoryview, limit: int) -> bytes:
    """Frames of Zstandard."""
    stream = zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True)
    with stream:
        found = []
        size = 0
        while size <= limit and (piece := stream.read(min(1 << 20, limit + 1 - size))):
            found.append(piece)
            size += len(piece)
    return _within(b"".join(found), limit)


def _within(data: bytes, limit: int) -> bytes:
    if len(data) > limit:
        raise _TooLargeError
    return data


DECODERS: dict[int, Callable[[memoryview, int], bytes]] = {
    DefaultRecordBatch.CODEC_GZIP: ungzip,
    DefaultRecordBatch.CODEC_SNAPPY: unsnap,
    DefaultRecordBatch.CODEC_LZ4: unlz4,
    DefaultRecordBatch.CODEC_ZSTD: unzstd,
}
"""The decoders by kafka-python's numbers of the codecs."""


def _or_corrupt(decode: Callable[[Any, int], bytes]) -> Callable[[Any], bytes]:
    """A decoder for batches of the old formats, which no producer writes any more."""

    def decoded(data: Any) -> bytes:
        try:
            return decode(memoryview(data), MAX_BATCH)
        except _TooLargeError:
            raise CorruptRecordError(
                f"a batch of an old message format is larger than {MAX_BATCH} bytes"
            ) from None

    return decoded


memory_records.DefaultRecordBatch = BoundedRecordBatch
legacy_records.gzip_decode = _or_corrupt(ungzip)
legacy_records.snappy_decode = _or_corrupt(unsnap)
legacy_records.lz4_decode = _or_corrupt(unlz4)
