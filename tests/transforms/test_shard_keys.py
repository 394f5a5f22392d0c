"""Shards' keys against what Flink does with them."""

from collections import Counter

import pytest

from transforms.shard_keys import GROUPS, key_group, shard_keys


def test_groups_are_flinks() -> None:
    # Seen on a cluster: keys 0..15 came to two subtasks as 10 and 6.
    subtasks = Counter(key_group(key) * 2 // GROUPS for key in range(16))
    assert subtasks == {0: 10, 1: 6}


@pytest.mark.parametrize("shards", [1, 2, 5, 16, 64, 100, 128, 300])
def test_no_subtask_has_more_than_one_shard_more_than_another(shards: int) -> None:
    keys = shard_keys(shards)
    assert len(set(keys)) == len(keys) == shards
    for parallelism in range(1, min(shards, 85) + 1):
        if GROUPS % parallelism and GROUPS % shards:
            continue  # The groups themselves are not dealt out evenly then.
        held = Counter(key_group(key) * parallelism // GROUPS for key in keys)
        counts = [held[subtask] for subtask in range(parallelism)]
        assert max(counts) - min(counts) <= 1 + shards // GROUPS
