"""Partitions: how they are coded, and how subtasks of Flink get them."""

import apache_beam as beam
import pytest
from apache_beam.coders.coders import LengthPrefixCoder

from sources.kafka.partition import Partition, PartitionCoder
from sources.kafka.partitions import FOREVER
from tests.transforms.dealt import assert_dealt_evenly
from transforms.shards.key_groups import key_group


def test_decodes_what_it_encodes() -> None:
    coder = PartitionCoder()
    for partition in (Partition(0, 0, FOREVER), Partition(70_000, 5, 6, 3, 12)):
        assert coder.decode(coder.encode(partition)) == partition


def test_is_the_coder_of_partitions() -> None:
    assert isinstance(beam.coders.registry.get_coder(Partition), PartitionCoder)


@pytest.mark.parametrize("among", [1, 2, 3, 12, 64, 128, 200])
def test_no_subtask_has_more_than_one_partition_more_than_another(among: int) -> None:
    coder = LengthPrefixCoder(PartitionCoder())  # As Flink sees it.
    partitions = [Partition(n, 0, FOREVER, n, among) for n in range(among)]
    assert_dealt_evenly([key_group(coder.encode(partition)) for partition in partitions])
