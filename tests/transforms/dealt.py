"""How Flink deals keys out to subtasks."""

from collections import Counter
from collections.abc import Sequence

from transforms.shards.key_groups import GROUPS


def assert_dealt_evenly(groups: Sequence[int]) -> None:
    """At any parallelism no subtask has more than one key more than another (past 128, a few).

    Args:
        groups: the group of each key.
    """
    size = len(groups)
    for parallelism in range(1, min(size, 85) + 1):
        if GROUPS % parallelism and GROUPS % size:
            continue  # The groups themselves are not dealt out evenly then.
        held = Counter(group * parallelism // GROUPS for group in groups)
        counts = [held[subtask] for subtask in range(parallelism)]
        assert max(counts) - min(counts) <= 1 + size // GROUPS
