"""One shard's two stateful steps without Beam: the test says how the watermark moves.

The stand-ins promise what Beam promises, and less: within a jump of the watermark the timers
fire in any order, and what the first step gives reaches the second one in any order, too.
"""

import random
from collections.abc import Iterable
from typing import Any

import apache_beam as beam

from tests.fakes import FakeSource
from transforms.columns.frames import FrameCoder
from transforms.feedback.state import FeedbackStateCoder
from transforms.feedback.transform import _Reward
from transforms.fill import fill
from transforms.histories.event_time_buffer import BufferedFrame
from transforms.histories.table import HistoryTable
from transforms.histories.transform import EmissionProgress, HistoryRules, KeepHistories
from transforms.messages.events import EventBatch
from transforms.messages.feedback import Feedback
from transforms.messages.minutes import PolicyMinutes
from transforms.messages.popular import PopularRows
from transforms.messages.ranking import RankedBatch, RankingRequest

SHARD = 3


class Bag(list[Any]):
    """A bag state; it gives its values back in any order."""

    def __init__(self, shuffle: random.Random | None = None) -> None:
        super().__init__()
        self._shuffle = shuffle

    def add(self, value: Any) -> None:
        self.append(value)

    def read(self) -> Iterable[Any]:
        values = list(self)
        if self._shuffle:
            self._shuffle.shuffle(values)
        return iter(values)


class Value:
    """A read-modify-write state; with a coder it goes through bytes, as between bundles."""

    def __init__(self, coder: beam.coders.Coder | None = None) -> None:
        self._value: Any = None
        self._coder = coder

    def read(self) -> Any:
        return self._value

    def write(self, value: Any) -> None:
        self._value = self._coder.decode(self._coder.encode(value)) if self._coder else value

    def clear(self) -> None:
        self._value = None


class Timers:
    """A family of dynamic timers: moment by tag."""

    def __init__(self) -> None:
        self.moments: dict[str, float] = {}

    def set(self, moment: float, dynamic_timer_tag: str) -> None:
        self.moments[dynamic_timer_tag] = moment

    def ready(self, watermark: float) -> list[str]:
        return [tag for tag, moment in self.moments.items() if moment <= watermark]

    def held(self, watermark: float) -> float:
        return min([watermark, *self.moments.values()])


class Shard:
    """Histories, the fake policy and the fill, and rewards, of one shard."""

    def __init__(
        self,
        rules: HistoryRules,
        size: int,
        shuffle: random.Random,
        *,
        repeat_consumed: bool = False,
    ) -> None:
        self._shuffle, self._size, self._repeat = shuffle, size, repeat_consumed
        self._pane = rules.pane
        self._keep = KeepHistories(rules)
        self._told = -1.0  # The watermark of what the first step gives.
        self._reward = _Reward(rules.rewards, keep_log=True)
        self._of_keep: dict[str, Any] = {
            "waiting": Bag(shuffle), "queued": Value(),
            "table_state": Value(FrameCoder(HistoryTable)),
            "told_state": Value(FrameCoder(EmissionProgress)),
        }  # fmt: skip
        self._of_reward: dict[str, Any] = {
            "ledger_state": Value(FeedbackStateCoder()), "early": Bag(shuffle),
        }  # fmt: skip
        self._due = Timers()
        self._on_the_way: list[tuple[float, RankedBatch]] = []
        self.recommendations: list[RankedBatch] = []
        self.feedback: list[Feedback] = []
        self.minutes: list[PolicyMinutes] = []
        self.late_minutes: list[int] = []

    def send(self, frame: EventBatch | PopularRows) -> None:
        """A closed block or rankings."""
        pending = (
            BufferedFrame.of_rankings(frame)
            if isinstance(frame, PopularRows)
            else BufferedFrame.of_block(frame, self._pane)
        )
        state = self._of_keep
        self._keep.process((SHARD, pending.encoded), state["waiting"], state["queued"], self._due)

    def advance(self, watermark: float) -> None:
        """Moves the watermark; every timer that it passes fires, in any order."""
        while ready := self._due.ready(watermark):
            tag = self._shuffle.choice(ready)
            outputs = list(self._keep.fire(SHARD, tag, **self._of_keep, due=self._due))
            self._on_the_way += [
                (float(output.timestamp), self._shown(output.value)) for output in outputs
            ]
            if self._due.moments[tag] <= watermark:
                del self._due.moments[tag]
            self._hold(watermark)
            if self._shuffle.random() < 0.5:
                self._arrive()
        self._arrive()
        self._hold(watermark)

    def waiting(self) -> int:
        """Frames that wait in state."""
        return len(self._of_keep["waiting"]) + len(self._of_reward["early"])

    def _hold(self, watermark: float) -> None:
        stamps = [stamp for stamp, _ in self._on_the_way]
        self._told = max(self._told, min([self._due.held(watermark), *stamps]))

    def _shown(self, output: tuple[int, RankingRequest]) -> RankedBatch:
        shard, due = output
        assert shard == SHARD
        assert isinstance(due, RankingRequest)
        states = due.states.take(due.ranked)
        ranked = FakeSource().rank(
            states.user, states.items, states.length, self._size, self._repeat
        )
        shown = fill(due, ranked, self._size, repeat_consumed=self._repeat, keep_history=True)
        coder = FrameCoder(RankedBatch)
        return coder.decode(coder.encode(shown))

    def _arrive(self) -> None:
        self._shuffle.shuffle(self._on_the_way)
        for _, shown in self._on_the_way:
            for output in self._reward.process((SHARD, shown), **self._of_reward):
                self._take(output)
        self._on_the_way.clear()

    def _take(self, output: Any) -> None:
        if not isinstance(output, beam.pvalue.TaggedOutput):
            self.recommendations.append(output)
        elif output.tag == "feedback":
            assert output.value.timestamp >= self._told
            self.feedback.append(output.value.value[1])
        else:
            minute, sums = output.value.value
            self.minutes.append(sums)
            if output.value.timestamp < self._told:
                self.late_minutes.append(minute)
