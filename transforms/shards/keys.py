"""Keys of shards, chosen so that Flink distributes them evenly over subtasks.

Flink would give the keys 0..15 to two subtasks as 10 and 6 keys, and would leave some of eight
subtasks without any (see `key_groups`). Here the key of shard s of n is a number whose key group
is 128 s / n. The numbers of shards of any two subtasks then differ by at most one, or by a few if
there are more than 128 shards. Other runners accept any keys.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import count

from apache_beam.coders import VarIntCoder

from transforms.shards.key_groups import GROUPS, key_group


@cache
def shard_keys(shards: int) -> tuple[int, ...]:
    """The distinct keys of the shards: elements, state and timers of a shard are keyed by them."""
    free = Counter(shard * GROUPS // shards for shard in range(shards))
    found: list[tuple[int, int]] = []
    for key in count():
        group = key_group(VarIntCoder().encode(key))
        if free[group]:
            free[group] -= 1
            found.append((group, key))
            if len(found) == shards:
                break
    return tuple(key for _, key in sorted(found))
