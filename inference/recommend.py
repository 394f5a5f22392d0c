"""The step from who is due to what is shown: RunInference, then the fill."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import apache_beam as beam
import torch
from apache_beam.metrics import Metrics
from apache_beam.ml.inference.base import KeyedModelHandler, PredictionResult, RunInference

from inference.handler import PolicyHandler, RankerSource, to_tensor
from transforms.fill import POPULAR, fill
from transforms.recommendations import Due, Recommendations

Keyed = tuple[int, Due]


@dataclass(eq=False)
class Recommend(beam.PTransform):
    """(shard, Due) to (shard, Recommendations).

    Attributes:
        source: where workers get the models from.
        size: items of a recommendation.
        repeat_consumed: whether items of the history may be recommended.
        keep_history: whether the rows carry the history on.
    """

    source: RankerSource
    size: int
    repeat_consumed: bool = False
    keep_history: bool = False

    def expand(
        self, due: beam.PCollection[tuple[int, Due]]
    ) -> beam.PCollection[tuple[int, Recommendations]]:
        """Rank with the policy, fill up with popular items."""
        handler = PolicyHandler(self.source, self.size, self.repeat_consumed)
        return (
            due
            | "States" >> beam.Map(_keyed_states)
            # The key goes around the model untouched: what is due needs no join afterwards.
            | "Rank" >> RunInference(KeyedModelHandler(handler))
            | "Fill" >> beam.ParDo(_Fill(self.size, self.repeat_consumed, self.keep_history))
        )


def _keyed_states(element: Keyed) -> tuple[Keyed, torch.Tensor]:
    _, due = element
    return element, to_tensor(due.states.take(due.ranked))


@beam.typehints.with_output_types(tuple[int, Recommendations])
class _Fill(beam.DoFn):
    def __init__(self, size: int, repeat_consumed: bool, keep_history: bool) -> None:
        self._size, self._repeat, self._keep = size, repeat_consumed, keep_history
        self._by_policy = Metrics.counter("rivulet", "recommendations_policy")
        self._by_popular = Metrics.counter("rivulet", "recommendations_popular")

    def process(
        self, result: tuple[Keyed, PredictionResult]
    ) -> Iterator[tuple[int, Recommendations]]:
        (shard, due), prediction = result
        rows = fill(
            due,
            prediction.inference,
            self._size,
            repeat_consumed=self._repeat,
            keep_history=self._keep,
        )
        popular = int((rows.policy == POPULAR).sum())
        self._by_popular.inc(popular)
        self._by_policy.inc(len(rows) - popular)
        yield shard, rows
