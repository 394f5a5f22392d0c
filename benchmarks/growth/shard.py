"""The two stateful steps of one shard of users, without a runner."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.growth.state import StepState
from pipelines.options import FeedbackSettings, RecommendSettings
from transforms.columns.hashing import mix, shard_of
from transforms.feedback.reward_recommendations import RewardBatches
from transforms.feedback.rules import RewardRules
from transforms.fill import fill
from transforms.histories.event_time_buffer import BufferedFrame
from transforms.histories.keep_histories import KeepHistories
from transforms.histories.rules import HistoryRules
from transforms.histories.schedule import Schedule
from transforms.messages.events import EventBatch, Int64s
from transforms.messages.ranked_lists import RankedLists
from transforms.messages.ranking import RankedBatch, RankingRequest

ITEMS = 1_000_000
HISTORY_BYTES = 49
"""Of a user's row of ten items, in bytes, as it is encoded."""

LIST_BYTES = 52
"""Of a list of eight items, in bytes, as it is encoded without a feedback log."""

KEY = 0
RECOMMEND, FEEDBACK = RecommendSettings(), FeedbackSettings()
PERIOD = RECOMMEND.recommend_period


@dataclass
class Costs:
    """What a step cost.

    Attributes:
        cpu: seconds.
        written: bytes of state.
        read: bytes of state.
        changed: bytes of the rows that changed, encoded.
    """

    cpu: float = 0
    written: int = 0
    read: int = 0
    changed: int = 0

    def since(self, before: Costs) -> Costs:
        """What was added to earlier costs."""
        return Costs(
            self.cpu - before.cpu,
            self.written - before.written,
            self.read - before.read,
            self.changed - before.changed,
        )


@dataclass
class MeasuredStep:
    """A step's state and what it cost so far."""

    state: StepState = field(default_factory=StepState)
    cpu: float = 0
    changed: int = 0

    def run(self, method: Any, *arguments: Any) -> list[Any]:
        """Calls a method of the step with its state: all that it emits."""
        states = self.state.arguments(method)
        started = time.process_time()
        found = list(method(*arguments, **states) or ())
        self.cpu += time.process_time() - started
        return found

    def costs(self) -> Costs:
        """What it cost so far."""
        state = self.state
        return Costs(self.cpu, state.written_bytes(), state.read_bytes(), self.changed)


class ShardRun:
    """A shard's steps, from events to rewards.

    Args:
        users: int64 [n], the shard's users, ascending.
        shards: number of shards of the job.
        seed: of the events.
    """

    def __init__(self, users: Int64s, shards: int, seed: int) -> None:
        rewards = RewardRules(FEEDBACK.reward_window, every_minute=True)
        schedule = Schedule(RECOMMEND.recommend_window, PERIOD)
        size = RECOMMEND.history_size
        self._keep = KeepHistories(
            HistoryRules(schedule, PERIOD, size, 1, 0, 17, rewards, RECOMMEND.exclude_bought),
            shards,
        )
        self._reward = RewardBatches(rewards, keep_log=False)
        self.histories, self.feedback = MeasuredStep(), MeasuredStep()
        self._users, self._random = users, np.random.default_rng(seed)

    def apply(self, users: Int64s, start: int) -> None:
        """A pane of an event of each user given, which starts at `start`, and its ranking times."""
        rows = len(users)
        events = EventBatch(
            users,
            self._random.integers(0, ITEMS, rows),
            self._random.integers(0, 4, rows).astype(np.int8),
            start + self._random.integers(0, PERIOD, rows),
        ).ordered()
        self.histories.changed += HISTORY_BYTES * len(np.unique(events.user))
        encoded = BufferedFrame.of_block(events, PERIOD).encoded
        self.histories.run(self._keep.process, (KEY, encoded))
        self.advance(start + PERIOD)

    def advance(self, watermark: int) -> None:
        """Fires the timers up to the watermark, and rewards what they emit."""
        for tag in self.histories.state.timers.due(watermark):
            emitted = self.histories.run(self._keep.fire, KEY, tag)
            for request in emitted:
                batch = _ranked(request.value[1])
                self.feedback.changed += LIST_BYTES * len(batch.user)
                self.feedback.run(self._reward.process, (KEY, batch))


def users_of_shard(users: int, shards: int) -> Int64s:
    """The users of shard 0 among the ids 0 to `users`: int64 [n], ascending."""
    parts: Iterator[Int64s] = (
        np.arange(first, min(first + 1_000_000, users)) for first in range(0, users, 1_000_000)
    )
    return np.concatenate([part[shard_of(part, shards) == 0] for part in parts])


def _ranked(request: RankingRequest) -> RankedBatch:
    """Lists that depend on the user and the last item of the history."""
    states, k = request.states, RECOMMEND.recommendations
    last = states.items[np.arange(len(states)), np.maximum(states.length - 1, 0)]
    base = (mix(states.user ^ last) >> np.uint64(1)).view(np.int64)
    items = (base[:, None] + np.arange(k) * 7919) % ITEMS
    lists = RankedLists.deterministic(items, np.full(len(states), k), b"model")
    return fill(request, lists.take(request.ranked), k, repeat_consumed=True, keep_history=False)
