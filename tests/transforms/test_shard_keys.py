"""Shards' keys: how subtasks of Flink get them."""

from collections import Counter

import pytest
from apache_beam.coders import VarIntCoder

from transforms.key_groups import GROUPS, key_group
from transforms.shard_keys import shard_keys


@pytest.mark.parametrize("shards", [1, 2, 5, 16, 64, 100, 128, 300])
def test_no_subtask_has_more_than_one_shard_more_than_another(shards: int) -> None:
    keys = shard_keys(shards)
    assert len(set(keys)) == len(keys) == shards
    groups = [key_group(VarIntCoder().encode(key)) for key in keys]
    for parallelism in range(1, min(shards, 85) + 1):
        if GROUPS % parallelism and GROUPS % shards:
            continue  # The groups themselves are not dealt out evenly then.
        held = Counter(group * parallelism // GROUPS for group in groups)
        counts = [held[subtask] for subtask in range(parallelism)]
        assert max(counts) - min(counts) <= 1 + shards // GROUPS
