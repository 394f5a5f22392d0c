"""Groups of keys against what Flink was seen to do."""

from collections import Counter

from apache_beam.coders import VarIntCoder

from transforms.shards.key_groups import GROUPS, key_group


def test_groups_are_flinks() -> None:
    # Seen on a cluster: keys 0..15 came to two subtasks as 10 and 6.
    subtasks = Counter(key_group(VarIntCoder().encode(key)) * 2 // GROUPS for key in range(16))
    assert subtasks == {0: 10, 1: 6}
