"""Flink's key groups: which group a key is in, and so which subtask processes it.

The group is a hash of the encoded key. Each subtask has a range of the 128 groups. A few keys may
fall on the subtasks unevenly; `keys` and Kafka's partitions choose keys that do not.

See https://nightlies.apache.org/flink/flink-docs-stable/docs/concepts/stateful-stream-processing/,
KeyGroupRangeAssignment and MathUtils.murmurHash in Flink, KvToByteBufferKeySelector and
SdfByteBufferKeySelector in Beam.
"""

from __future__ import annotations

GROUPS = 128
"""Flink's default number of key groups, up to a parallelism of 85."""

_32_BITS = (1 << 32) - 1


def key_group(encoded: bytes) -> int:
    """The group of a key, which is encoded as Beam's Flink runner encodes it."""
    code = 1  # As ByteBuffer.hashCode in Java.
    for byte in reversed(encoded):
        code = (31 * code + (byte - 256 if byte > 127 else byte)) & _32_BITS
    return _murmur(code) % GROUPS


def _murmur(code: int) -> int:
    """MathUtils.murmurHash of Flink, for the 32 bits of a Java int."""
    code = _rotated(code * 0xCC9E2D51 & _32_BITS, 15) * 0x1B873593 & _32_BITS
    code = (_rotated(code, 13) * 5 + 0xE6546B64 & _32_BITS) ^ 4
    code = (code ^ code >> 16) * 0x85EBCA6B & _32_BITS
    code = (code ^ code >> 13) * 0xC2B2AE35 & _32_BITS
    code ^= code >> 16
    # Java negates a negative code; the least int has no negative, and gives 0.
    return code if code < 1 << 31 else (1 << 32) - code & (1 << 31) - 1


def _rotated(code: int, bits: int) -> int:
    return (code << bits | code >> 32 - bits) & _32_BITS
