"""State of a shard that a resumed job reads: its number of shards, and the size of histories."""

import random
from typing import Any

import numpy as np
import pytest

from tests.oracle.events import Event
from tests.transforms.batches import batch, ranking
from tests.transforms.shard import SHARD, SHARDS, Shard
from transforms.feedback.rules import RewardRules
from transforms.histories.emission_progress import EmissionProgress, ShardCountError
from transforms.histories.keep_histories import KeepHistories
from transforms.histories.rules import HistoryRules
from transforms.histories.schedule import Schedule
from transforms.histories.users import layout_of
from transforms.messages.events import EventBatch
from transforms.messages.popular import PopularRows
from transforms.tables.place import TablePlace
from transforms.tables.stored_table import StoredTable


def shard(history_size: int = 3) -> Shard:
    rules = HistoryRules(Schedule(60, 20), 20, history_size, 1, 0, 5, RewardRules(60))
    return Shard(rules, 4, random.Random(1))


def block(*events: tuple[int, int]) -> EventBatch:
    return batch([Event(time, item, 1, "pv") for time, item in events])


@pytest.mark.parametrize("frame", [block((110, 5)), ranking(160, [(4, 2)])])
def test_state_of_another_number_of_shards_is_refused(frame: EventBatch | PopularRows) -> None:
    resumed = shard()
    no_rankings = ranking(0, [])
    other = EmissionProgress.of(100, 7, SHARDS + 1, no_rankings)
    resumed.histories_state["progress_state"].write(other)

    def go_on() -> None:
        resumed.send(frame)
        resumed.advance(10_000)

    with pytest.raises(ShardCountError, match=f"--shards={SHARDS + 1}") as refused:
        go_on()
    assert "\n" not in str(refused.value)
    assert resumed.recommendations == []


def to_old_format(state: dict[str, Any], size: int) -> None:
    """The state as it was before there were cells."""
    histories, bought = StoredTable(
        TablePlace(layout_of(size), KeepHistories.USERS, state, SHARD)
    ).rows()
    for name, value in state.items():
        if name.startswith(("users_", "recent_")):
            value.clear()
    state["table_state"].write(histories)
    state["bought_state"].write(bought)


@pytest.mark.parametrize("old_format", [True, False])
@pytest.mark.parametrize(("before", "after"), [(3, 2), (3, 5), (3, 3)])
def test_a_resumed_job_may_have_another_size_of_history(
    before: int, after: int, *, old_format: bool
) -> None:
    first, resumed = shard(before), shard(after)
    first.send(block((5, 10), (6, -11), (7, 0), (8, 13)))
    first.advance(30)
    resumed.histories_state = first.histories_state
    if old_format:
        to_old_format(resumed.histories_state, before)
    resumed.feedback_state = first.feedback_state
    resumed.send(block((45, 14)))
    resumed.advance(61)
    (batch_at_60,) = [b for b in resumed.recommendations if 60 in b.time.tolist()]
    row = batch_at_60.list_index[batch_at_60.time.tolist().index(60)]
    history = batch_at_60.history[row, : batch_at_60.history_length[row]]
    stored = [10, -11, 0, 13][-min(before, after) :] if after < before else [-11, 0, 13]
    np.testing.assert_array_equal(history, [*stored, 14][-after:])
