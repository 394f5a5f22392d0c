"""Keys of shards are distributed evenly over Flink's subtasks."""

import pytest
from apache_beam.coders import VarIntCoder

from tests.transforms.dealt import assert_dealt_evenly
from transforms.shards.key_groups import key_group
from transforms.shards.keys import shard_keys


@pytest.mark.parametrize("shards", [1, 2, 5, 16, 64, 100, 128, 300])
def test_no_subtask_has_more_than_one_shard_more_than_another(shards: int) -> None:
    keys = shard_keys(shards)
    assert len(set(keys)) == len(keys) == shards
    assert_dealt_evenly([key_group(VarIntCoder().encode(key)) for key in keys])
