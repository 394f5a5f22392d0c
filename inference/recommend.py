"""Ranking requests to recommendations: the policy ranks, popular items complete the lists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
from apache_beam.metrics import Metrics
from apache_beam.ml.inference.base import KeyedModelHandler, PredictionResult, RunInference

from inference.exploration.explore import explore
from inference.exploration.rules import Exploration
from inference.handler import Example, PolicyHandler
from inference.models.no_policy import NoPolicy
from inference.models.ranker import RankerSource, by_time
from inference.models.stages import GRID
from transforms.catalogue.by_time import rejoined, with_availability
from transforms.catalogue.source import CatalogueSource
from transforms.columns.ranges import run_starts
from transforms.fill import fill
from transforms.loaded import loaded
from transforms.messages.events import Bools
from transforms.messages.ranking import RankedBatch, RankingRequest
from transforms.messages.recommendations import Recommendations, explored_places
from transforms.new_places import with_new_items

Keyed = tuple[int, RankingRequest]
SERVED = "served"


class Recommended(NamedTuple):
    """Outputs of `Recommend`.

    Attributes:
        batches: (shard, recommendations), for the feedback.
        served: the same recommendations as rows, for stores that serve them; empty unless
            `Recommend.serve`. As an output of its own, a runner fuses it with the ranking: rows
            of one shard are being written while the next shard is ranked, and before the steps
            after `batches`.
    """

    batches: beam.PCollection[tuple[int, RankedBatch]]
    served: beam.PCollection[Recommendations]


@dataclass(eq=False)
class Recommend(beam.PTransform):
    """(shard, RankingRequest) to recommendations.

    Attributes:
        source: where workers load the models from.
        size: items in a recommendation.
        repeat_consumed: whether items of the history may be recommended.
        keep_history: whether to keep the histories, for the feedback log.
        serve: whether to emit the recommendations as rows, too.
        catalogue: items that are not available at a ranking time are in none of its lists.
        exploration: which places of which lists are drawn; None for none.
        new_places: places of a list that the catalogue's new items may have; 0 for none.
        early: elements that come before the first request. A worker that gets one begins to load
            the models, so that the first lists do not wait for PyTorch. None: with the first
            request.
    """

    source: RankerSource
    size: int
    repeat_consumed: bool = False
    keep_history: bool = False
    serve: bool = False
    catalogue: CatalogueSource | None = None
    exploration: Exploration | None = None
    new_places: int = 0
    early: beam.PCollection[Any] | None = None

    def expand(self, requests: beam.PCollection[tuple[int, RankingRequest]]) -> Recommended:
        """Rank with the policy, complete with popular items."""
        handler = PolicyHandler(
            self.source, self.size, self.repeat_consumed, self.exploration, self.new_places
        )
        if self.early is not None:
            _ = self.early | "Load models" >> beam.ParDo(_LoadEarly(handler))
        complete = _Fill(self)
        outputs = (
            requests
            | "States"
            >> beam.Map(
                _keyed_states,
                self.catalogue,
                by_time(self.source),
                ranks=not isinstance(self.source, NoPolicy),
            )
            # The request is the key, so that its answer needs no join.
            | "Rank" >> RunInference(_KeyedHandler(handler))
            | "Fill" >> beam.ParDo(complete).with_outputs(SERVED, main="batches")
        )
        return Recommended(outputs.batches, outputs[SERVED])


class _LoadEarly(beam.DoFn):
    """Begins to load the models of a handler when a worker sets this step up."""

    def __init__(self, handler: PolicyHandler) -> None:
        self._handler = handler

    def setup(self) -> None:
        self._handler.load_early()

    def process(self, element: Any) -> None:
        del element


class _KeyedHandler(KeyedModelHandler):
    """A KeyedModelHandler that measures a batch by its states; Beam's own pickles the keys."""

    def __init__(self, handler: PolicyHandler) -> None:
        super().__init__(handler)
        self._handler = handler

    def get_num_bytes(self, batch: Sequence[tuple[Keyed, Example]]) -> int:
        """Bytes of the batch's states."""
        return self._handler.get_num_bytes([states for _, states in batch])


def _keyed_states(
    element: Keyed, catalogue: CatalogueSource | None, timed: bool = False, ranks: bool = True
) -> tuple[Keyed, Example]:
    shard, request = element
    if not ranks:
        request = replace(request, ranked=request.ranked[:0])
    if timed:
        # A state's ranking times are then all of one stage.
        request, _ = request.split(request.time // GRID)
    if catalogue:
        request = with_availability(request, loaded(catalogue))
    rows, exclusions = request.ranked, request.exclusions
    return (shard, request), Example(
        request.states.take(rows),
        exclusions.take(rows) if exclusions else None,
        request.time[run_starts(request.state_index)][rows] if timed else None,
    )


@beam.typehints.with_output_types(tuple[int, RankedBatch], served=Recommendations)
class _Fill(beam.DoFn):
    def __init__(self, chosen: Recommend) -> None:
        self._size, self._repeat, self._keep = (
            chosen.size, chosen.repeat_consumed, chosen.keep_history,
        )  # fmt: skip
        self._serve, self._exploration = chosen.serve, chosen.exploration
        self._new = chosen.new_places
        self._by_policy = Metrics.counter("rivulet", "recommendations_policy")
        self._by_popular = Metrics.counter("rivulet", "recommendations_popular")
        self._explored = Metrics.counter("rivulet", "recommendations_explored")

    def process(self, result: tuple[Keyed, PredictionResult]) -> Iterator[Any]:
        (shard, request), prediction = result
        request, ranked = rejoined(request, prediction.inference)
        if self._exploration is not None:
            request, ranked = explore(request, ranked, self._size, self._exploration)
        if self._new:
            places = self._exploration.places if self._exploration else 0
            ranked = with_new_items(ranked, places)
        batch = fill(
            request, ranked, self._size, repeat_consumed=self._repeat, keep_history=self._keep
        )
        by_popular = int(np.count_nonzero(batch.policy_index[batch.list_index] == 0))
        self._by_popular.inc(by_popular)
        self._by_policy.inc(len(batch.user) - by_popular)
        if self._exploration is not None:
            drawn: Bools = np.any(explored_places(batch.propensities), axis=1)
            self._explored.inc(int(np.count_nonzero(drawn[batch.list_index])))
        if self._serve and len(batch.user):
            yield beam.pvalue.TaggedOutput(SERVED, batch.rows())
        yield shard, batch
