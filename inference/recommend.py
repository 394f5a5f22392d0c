"""The step from who is due to what is shown: RunInference, then the fill."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import torch
from apache_beam.metrics import Metrics
from apache_beam.ml.inference.base import KeyedModelHandler, PredictionResult, RunInference

from inference.handler import PolicyHandler, to_tensor
from inference.models.ranker import RankerSource
from transforms.fill import fill
from transforms.messages.ranking import RankedBatch, RankingRequest
from transforms.messages.recommendations import Recommendations

Keyed = tuple[int, RankingRequest]
SERVED = "served"


class Recommended(NamedTuple):
    """What `Recommend` gives.

    Attributes:
        shown: (shard, what its users are shown), for all that follows from it.
        served: the same lists as rows, where they are served at once; else nothing. They are an
            output of their own, so that a runner fuses their writes with the ranking: what a
            shard is shown is on its way to a store while the next one is ranked, and all that
            follows from it comes after.
    """

    shown: beam.PCollection[tuple[int, RankedBatch]]
    served: beam.PCollection[Recommendations]


@dataclass(eq=False)
class Recommend(beam.PTransform):
    """(shard, Due) to what is shown.

    Attributes:
        source: where workers get the models from.
        size: items of a recommendation.
        repeat_consumed: whether items of the history may be recommended.
        keep_history: whether the lists carry the history on.
        serve: whether to give the lists as rows, too.
    """

    source: RankerSource
    size: int
    repeat_consumed: bool = False
    keep_history: bool = False
    serve: bool = False

    def expand(self, due: beam.PCollection[tuple[int, RankingRequest]]) -> Recommended:
        """Rank with the policy, fill up with popular items."""
        handler = PolicyHandler(self.source, self.size, self.repeat_consumed)
        fill_up = _Fill(self.size, self.repeat_consumed, self.keep_history, self.serve)
        outputs = (
            due
            | "States" >> beam.Map(_keyed_states)
            # The key goes around the model untouched: what is due needs no join afterwards.
            | "Rank" >> RunInference(_Keyed(handler))
            | "Fill" >> beam.ParDo(fill_up).with_outputs(SERVED, main="shown")
        )
        return Recommended(outputs.shown, outputs[SERVED])


class _Keyed(KeyedModelHandler):
    """Beam's own, but for how a batch is measured: it would pickle the keys to know their size."""

    def __init__(self, handler: PolicyHandler) -> None:
        super().__init__(handler)
        self._handler = handler

    def get_num_bytes(self, batch: Sequence[tuple[Keyed, torch.Tensor]]) -> int:
        """Bytes of the batch's states."""
        return self._handler.get_num_bytes([states for _, states in batch])


def _keyed_states(element: Keyed) -> tuple[Keyed, torch.Tensor]:
    _, due = element
    return element, to_tensor(due.states.take(due.ranked))


@beam.typehints.with_output_types(tuple[int, RankedBatch], served=Recommendations)
class _Fill(beam.DoFn):
    def __init__(self, size: int, repeat_consumed: bool, keep_history: bool, serve: bool) -> None:
        self._size, self._repeat, self._keep = size, repeat_consumed, keep_history
        self._serve = serve
        self._by_policy = Metrics.counter("rivulet", "recommendations_policy")
        self._by_popular = Metrics.counter("rivulet", "recommendations_popular")

    def process(self, result: tuple[Keyed, PredictionResult]) -> Iterator[Any]:
        (shard, due), prediction = result
        shown = fill(
            due,
            prediction.inference,
            self._size,
            repeat_consumed=self._repeat,
            keep_history=self._keep,
        )
        by_popular = int(np.count_nonzero(shown.policy[shown.place] == 0))
        self._by_popular.inc(by_popular)
        self._by_policy.inc(len(shown.user) - by_popular)
        if self._serve and len(shown.user):
            yield beam.pvalue.TaggedOutput(SERVED, shown.rows())
        yield shard, shown
