"""The keys of shards, so chosen that Flink deals them out evenly.

Sixteen keys 0..15 would come to two subtasks as 10 and 6, and to eight as 4, 4, ... and none
(`key_groups`). Here shard s of n gets a number whose group is 128 s / n, so that no subtask has
more than one shard more than another (of over 128 shards, a few). Other runners take any keys.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import count

from apache_beam.coders import VarIntCoder

from transforms.shards.key_groups import GROUPS, key_group


@cache
def shard_keys(shards: int) -> tuple[int, ...]:
    """The key of each shard, all different: what shards' elements, states and timers go by."""
    open_places = Counter(shard * GROUPS // shards for shard in range(shards))
    found: list[tuple[int, int]] = []
    for key in count():
        group = key_group(VarIntCoder().encode(key))
        if open_places[group]:
            open_places[group] -= 1
            found.append((group, key))
            if len(found) == shards:
                break
    return tuple(key for _, key in sorted(found))
