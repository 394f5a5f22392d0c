"""How Flink distributes keys over subtasks."""

from collections import Counter
from collections.abc import Sequence

from transforms.shards.key_groups import GROUPS


def assert_dealt_evenly(groups: Sequence[int]) -> None:
    """At any parallelism the numbers of keys of two subtasks differ by one (past 128 keys, a few).

    Args:
        groups: the group of each key.
    """
    size = len(groups)
    for parallelism in range(1, min(size, 85) + 1):
        if GROUPS % parallelism and GROUPS % size:
            continue  # The groups themselves are not distributed evenly then.
        held = Counter(group * parallelism // GROUPS for group in groups)
        counts = [held[subtask] for subtask in range(parallelism)]
        assert max(counts) - min(counts) <= 1 + size // GROUPS
