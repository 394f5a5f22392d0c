"""The group that Flink puts a key into, and with it the subtask that gets the key.

The group is a hash of the encoded key; each subtask gets a range of the 128 groups. With a handful
of keys it is left to chance whether subtasks get as many of them: who makes the keys can see to it.

https://nightlies.apache.org/flink/flink-docs-stable/docs/concepts/stateful-stream-processing/,
KeyGroupRangeAssignment and MathUtils.murmurHash in Flink, KvToByteBufferKeySelector and
SdfByteBufferKeySelector in Beam.
"""

from __future__ import annotations

GROUPS = 128
"""Flink's key groups where nobody says otherwise, up to a parallelism of 85."""

_32_BITS = (1 << 32) - 1


def key_group(encoded: bytes) -> int:
    """The group of a key, encoded as Beam's runner for Flink has it."""
    code = 1  # Java's ByteBuffer.hashCode.
    for byte in reversed(encoded):
        code = (31 * code + (byte - 256 if byte > 127 else byte)) & _32_BITS
    return _murmur(code) % GROUPS


def _murmur(code: int) -> int:
    """Flink's MathUtils.murmurHash of a Java int, given as its 32 bits."""
    code = _turned(code * 0xCC9E2D51 & _32_BITS, 15) * 0x1B873593 & _32_BITS
    code = (_turned(code, 13) * 5 + 0xE6546B64 & _32_BITS) ^ 4
    code = (code ^ code >> 16) * 0x85EBCA6B & _32_BITS
    code = (code ^ code >> 13) * 0xC2B2AE35 & _32_BITS
    code ^= code >> 16
    # Java's -code where it is negative; of the least int there is no -code.
    return code if code < 1 << 31 else (1 << 32) - code & (1 << 31) - 1


def _turned(code: int, bits: int) -> int:
    return (code << bits | code >> 32 - bits) & _32_BITS
