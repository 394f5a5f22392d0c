"""The keys of shards, so chosen that Flink deals them out evenly.

Flink's subtask for a key is a hash of the encoded key, into 128 groups of which each subtask gets
a range. Sixteen keys 0..15 would come to two subtasks as 10 and 6, and to eight as 4, 4, ... and
none. Here shard s of n gets a number whose group is 128 s / n, so that no subtask has more than
one shard more than another (of over 128 shards, a few). Other runners take any keys.

https://nightlies.apache.org/flink/flink-docs-stable/docs/concepts/stateful-stream-processing/,
KeyGroupRangeAssignment and MathUtils.murmurHash in Flink, KvToByteBufferKeySelector in Beam.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import count

from apache_beam.coders import VarIntCoder

GROUPS = 128
"""Flink's key groups where nobody says otherwise, up to a parallelism of 85."""

_32_BITS = (1 << 32) - 1


@cache
def shard_keys(shards: int) -> tuple[int, ...]:
    """The key of each shard, all different: what shards' elements, states and timers go by."""
    open_places = Counter(shard * GROUPS // shards for shard in range(shards))
    found: list[tuple[int, int]] = []
    for key in count():
        group = key_group(key)
        if open_places[group]:
            open_places[group] -= 1
            found.append((group, key))
            if len(found) == shards:
                break
    return tuple(key for _, key in sorted(found))


def key_group(key: int) -> int:
    """The group that Flink puts a key of Beam's VarIntCoder into."""
    code = 1  # Java's ByteBuffer.hashCode.
    for byte in reversed(VarIntCoder().encode(key)):
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
