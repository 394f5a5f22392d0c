"""A shard's two stateful steps without Beam; the test moves the watermark.

The stand-ins for Beam guarantee what Beam guarantees, and no more. When the watermark advances,
timers fire in any order. The first step's output reaches the second step in any order, too.
"""

import inspect
import random
from collections.abc import Callable, Iterable
from copy import copy
from typing import Any

import apache_beam as beam
from apache_beam.transforms.userstate import BagStateSpec

from tests.fakes import FakeSource
from transforms.columns.frames import FrameCoder
from transforms.feedback.credit_impressions import (
    CreditBatches,
    encoded_impressions,
    encoded_unit,
)
from transforms.feedback.reward_recommendations import RewardBatches
from transforms.feedback.shown import Shown
from transforms.feedback.state import FeedbackStateCoder
from transforms.feedback.step import Credit
from transforms.fill import fill
from transforms.histories.event_time_buffer import BufferedFrame
from transforms.histories.forgotten import ForgottenSource
from transforms.histories.keep_histories import KeepHistories
from transforms.histories.rules import HistoryRules
from transforms.messages.events import EventBatch
from transforms.messages.feedback import Feedback
from transforms.messages.minutes import PolicyMinutes
from transforms.messages.popular import PopularRows
from transforms.messages.ranking import RankedBatch, RankingRequest
from transforms.shards.keys import shard_keys
from transforms.tables.cache import SHARED_CACHE
from transforms.tables.place import DEFAULT_LIMITS, TableLimits

SHARDS = 1
(SHARD,) = shard_keys(SHARDS)


class Bag(list[Any]):
    """A bag state; it returns its values in any order."""

    def __init__(self, shuffle: random.Random | None = None) -> None:
        super().__init__()
        self._shuffle = shuffle

    def __copy__(self) -> "Bag":
        other = Bag(self._shuffle)
        other += self
        return other

    def add(self, value: Any) -> None:
        self.append(value)

    def read(self) -> Iterable[Any]:
        values = list(self)
        if self._shuffle:
            self._shuffle.shuffle(values)
        return iter(values)


class Value:
    """A read-modify-write state; with a coder its value is encoded, as between bundles."""

    def __init__(self, coder: beam.coders.Coder | None = None) -> None:
        self._value: Any = None
        self._coder = coder

    def read(self) -> Any:
        return self._value

    def write(self, value: Any) -> None:
        self._value = self._coder.decode(self._coder.encode(value)) if self._coder else value

    def clear(self) -> None:
        self._value = None

    def encoded(self) -> bytes:
        """The value as bytes."""
        assert self._coder is not None
        return self._coder.encode(self._value)


def states_of(method: Callable[..., Any], shuffle: random.Random) -> dict[str, Any]:
    """The states that a method of a step asks for, by parameter, all empty."""
    specs = {
        name: parameter.default.state_spec
        for name, parameter in inspect.signature(method).parameters.items()
        if hasattr(parameter.default, "state_spec")
    }
    return {
        name: Bag(shuffle) if isinstance(spec, BagStateSpec) else Value(spec.coder)
        for name, spec in specs.items()
    }


class Timers:
    """A family of dynamic timers: time by tag."""

    def __init__(self) -> None:
        self.times: dict[str, float] = {}

    def set(self, time: float, dynamic_timer_tag: str) -> None:
        self.times[dynamic_timer_tag] = time

    def ready(self, watermark: float) -> list[str]:
        return [tag for tag, time in self.times.items() if time <= watermark]

    def hold(self, watermark: float) -> float:
        return min([watermark, *self.times.values()])


class Shard:
    """Histories, the fake policy and the fill, and rewards, of one shard."""

    def __init__(
        self,
        rules: HistoryRules,
        size: int,
        shuffle: random.Random,
        *,
        repeat_consumed: bool = False,
        impressions: bool = False,
        limits: TableLimits = DEFAULT_LIMITS,
        forgotten: ForgottenSource | None = None,
    ) -> None:
        self._shuffle, self._size, self._repeat = shuffle, size, repeat_consumed
        self._pane = rules.pane
        self._keep = KeepHistories(rules, SHARDS, limits, forgotten)
        self._output_watermark = -1.0  # Of the first step.
        credit = Credit.NOTHING if impressions else Credit.CHANGED
        self._reward = RewardBatches(rules.rewards, keep_log=True, credit=credit)
        self._credit = (
            CreditBatches(rules.rewards, bounded=False, keep_log=True) if impressions else None
        )
        self._impressions_until = -1.0  # The watermark of the impressions.
        self._credit_timers = Timers()
        self.credit_state: dict[str, Any] = {
            "units": Bag(shuffle), "impressions": Bag(shuffle),
            "feedback_state": Value(FeedbackStateCoder()), "shown_state": Value(FrameCoder(Shown)),
        }  # fmt: skip
        self.histories_state = states_of(self._keep.fire, shuffle)
        self.feedback_state = states_of(self._reward.process, shuffle)
        self._timers = Timers()
        self._in_transit: list[tuple[float, RankedBatch]] = []
        self.recommendations: list[RankedBatch] = []
        self.feedback: list[Feedback] = []
        self.minutes: list[PolicyMinutes] = []
        self.late_minutes: list[int] = []

    def send(self, frame: EventBatch | PopularRows) -> None:
        """A closed block or rankings."""
        buffered = (
            BufferedFrame.of_rankings(frame)
            if isinstance(frame, PopularRows)
            else BufferedFrame.of_block(frame, self._pane)
        )
        names = ("progress_state", "buffer", "large_block")
        state = {name: self.histories_state[name] for name in names}
        self._keep.process((SHARD, buffered.encoded), **state, timers=self._timers)

    def advance(self, watermark: float) -> None:
        """Moves the watermark; every timer that it passes fires, in any order."""
        while ready := self._timers.ready(watermark):
            self._crash(self._shuffle.choice(ready))
            tag = self._shuffle.choice(ready)
            outputs = list(self._keep.fire(SHARD, tag, **self.histories_state, timers=self._timers))
            self._in_transit += [
                (float(output.timestamp), self._ranked(output.value)) for output in outputs
            ]
            if self._timers.times[tag] <= watermark:
                del self._timers.times[tag]
            self._move_output_watermark(watermark)
            if self._shuffle.random() < 0.5:
                self._deliver()
        self._deliver()
        self._move_output_watermark(watermark)

    def send_impressions(self, impressions: EventBatch) -> None:
        """A closed block of impressions."""
        assert self._credit is not None
        self._keep_for_credit(encoded_impressions(SHARD, impressions))

    def advance_impressions(self, watermark: float) -> None:
        """Moves the watermark of the impressions."""
        self._impressions_until = max(self._impressions_until, watermark)
        self._fire_credit()

    def _crash(self, tag: str) -> None:
        """Sometimes an attempt is lost with its state, or a worker with what it kept."""
        chance = self._shuffle.random()
        if chance < 0.2:
            lost = {name: copy(state) for name, state in self.histories_state.items()}
            list(self._keep.fire(SHARD, tag, **lost, timers=Timers()))
        elif chance < 0.3:
            SHARED_CACHE.clear()

    def buffered(self) -> int:
        """Frames that are buffered in state."""
        buffers = (self.histories_state["buffer"], self.feedback_state["early"],
                   self.credit_state["units"])  # fmt: skip
        return sum(map(len, buffers))

    def _keep_for_credit(self, element: tuple[int, bytes]) -> None:
        assert self._credit is not None
        kept = {name: self.credit_state[name] for name in ("units", "impressions")}
        self._credit.process(element, **kept, timers=self._credit_timers)

    def _fire_credit(self) -> None:
        if self._credit is None:
            return
        watermark = min(self._impressions_until, self._output_watermark)
        while ready := self._credit_timers.ready(watermark):
            tag = self._shuffle.choice(ready)
            del self._credit_timers.times[tag]
            for output in self._credit.fire(SHARD, tag, **self.credit_state):
                assert isinstance(output, beam.pvalue.TaggedOutput)
                self._collect(output, self._credit_timers.hold(min(float(tag), watermark)))

    def _move_output_watermark(self, watermark: float) -> None:
        stamps = [stamp for stamp, _ in self._in_transit]
        hold = min([self._timers.hold(watermark), *stamps])
        self._output_watermark = max(self._output_watermark, hold)
        self._fire_credit()

    def _ranked(self, output: tuple[int, RankingRequest]) -> RankedBatch:
        shard, request = output
        assert shard == SHARD
        assert isinstance(request, RankingRequest)
        states = request.states.take(request.ranked)
        ranked = FakeSource().rank(
            states.user, states.items, states.length, self._size, self._repeat,
            request.exclusions.take(request.ranked) if request.exclusions else None,
        )  # fmt: skip
        batch = fill(request, ranked, self._size, repeat_consumed=self._repeat, keep_history=True)
        coder = FrameCoder(RankedBatch)
        return coder.decode(coder.encode(batch))

    def _deliver(self) -> None:
        self._shuffle.shuffle(self._in_transit)
        for _, batch in self._in_transit:
            if self._credit is not None:
                self._keep_for_credit(encoded_unit(SHARD, batch))
            for output in self._reward.process((SHARD, batch), **self.feedback_state):
                self._collect(output, self._output_watermark)
        self._in_transit.clear()

    def _collect(self, output: Any, watermark: float) -> None:
        if not isinstance(output, beam.pvalue.TaggedOutput):
            self.recommendations.append(output)
        elif output.tag == "feedback":
            assert output.value.timestamp >= watermark
            self.feedback.append(output.value.value[1])
        else:
            minute, sums = output.value.value
            self.minutes.append(sums)
            if output.value.timestamp < watermark:
                self.late_minutes.append(minute)
