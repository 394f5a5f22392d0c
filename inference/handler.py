"""The model handler for Beam's RunInference, over columns of states.

An example is an array of all states of a shard that need a ranking, not of one user. The handler
concatenates the examples of a batch, ranks once and splits the result. A worker imports PyTorch
when it loads the first model: before it ranks where `Recommend.early` says so.
"""

from __future__ import annotations

import contextlib
import logging
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from apache_beam.metrics import Metrics
from apache_beam.ml.inference.base import ModelHandler, PredictionResult

from inference.exploration.rules import Exploration
from inference.models.ranker import RANKERS, LazyRanker, NotLoadedError, Ranker, RankerSource
from transforms.messages.events import Int64s
from transforms.messages.exclusions import Exclusions
from transforms.messages.ranked_lists import RankedLists
from transforms.messages.ranking import States

LOG_EVERY = 60.0
"""Seconds between log lines about a model that fails."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """The states of a request that the policy ranks.

    Attributes:
        states: the states.
        exclusions: a row for each state; None for no exclusions.
        times: int64, a ranking time of each state; None where the models do not ask for it.
    """

    states: States
    exclusions: Exclusions | None = None
    times: Int64s | None = None

    def __len__(self) -> int:
        return len(self.states)

    def take(self, rows: Int64s) -> Example:
        """The states at `rows`."""
        return Example(
            self.states.take(rows),
            self.exclusions.take(rows) if self.exclusions else None,
            None if self.times is None else self.times[rows],
        )

    @property
    def nbytes(self) -> int:
        """Bytes of the states."""
        return sum(column.nbytes for column in self.states.columns())


class PolicyHandler(ModelHandler[Example, PredictionResult, LazyRanker]):
    """Ranks the states of requests with the models of a source.

    Metrics: model_failures (batches that could not be ranked), model_versions_refused (new
    versions that could not be used), model_batch_rows, model_batch_micros.

    Args:
        source: where a worker loads its models from.
        k: length of the lists.
        repeat_consumed: whether lists may have items of the history.
        exploration: users who explore get a pool of longer lists, too; None for no exploration.
        new_places: places of a list that new items may have; 0 for none.
    """

    def __init__(
        self,
        source: RankerSource,
        k: int,
        repeat_consumed: bool,
        exploration: Exploration | None = None,
        new_places: int = 0,
    ) -> None:
        super().__init__()
        self._new_places = new_places
        self._exploration = exploration
        self._source, self._k, self._repeat_consumed = source, k, repeat_consumed
        self._job = uuid.uuid4().hex
        self._next_log = 0.0
        self._failures = Metrics.counter("rivulet", "model_failures")
        self._versions_refused = Metrics.counter("rivulet", "model_versions_refused")
        self._rows = Metrics.distribution("rivulet", "model_batch_rows")
        self._micros = Metrics.distribution("rivulet", "model_batch_micros")

    def load_model(self) -> LazyRanker:
        """The job's ranker in this process. If it cannot be loaded now, ranking retries."""
        ranker = RANKERS.get(self._job, self._source)
        with contextlib.suppress(NotLoadedError):
            ranker.load()
        return ranker

    def load_early(self) -> None:
        """Begins to load the job's ranker in this process."""
        RANKERS.get(self._job, self._source).load_early()

    def batch_elements_kwargs(self) -> Mapping[str, Any]:
        """Small batches: the lists of a shard are written while the next shard is ranked."""
        return {"min_batch_size": 1, "max_batch_size": 2}

    def get_num_bytes(self, batch: Sequence[Example]) -> int:
        """Bytes of the batch's arrays; Beam's implementation pickles them."""
        return sum(example.nbytes for example in batch)

    def run_inference(
        self,
        batch: Sequence[Example],
        model: LazyRanker,
        inference_args: dict[str, Any] | None = None,
    ) -> Iterable[PredictionResult]:
        """Ranks all states of `batch` at once; yields `RankedLists` for each example.

        A model that fails ranks nothing, so that its users get popular items. The counter
        model_failures and the log show it.
        """
        del inference_args
        rows = _concatenated(batch)
        started = time.perf_counter_ns()
        ranked = self._rank(rows, model)
        self._micros.update((time.perf_counter_ns() - started) // 1000)
        self._rows.update(len(rows))
        ends = np.cumsum([len(example) for example in batch])
        for example, end in zip(batch, ends.tolist(), strict=True):
            yield PredictionResult(example, ranked.take(slice(end - len(example), end)))

    def _rank(self, rows: Example, model: LazyRanker) -> RankedLists:
        if len(rows):
            try:
                ranked = self._lists(rows, model.load())
                self._versions_refused.inc(model.newly_refused())
                return ranked
            except NotLoadedError:
                self._failures.inc()
            except Exception:
                self._failures.inc()
                self._log_failure(len(rows))
        return RankedLists.empty(len(rows), self._k)

    def _lists(self, rows: Example, ranker: Ranker) -> RankedLists:
        """The lists of all rows, and the pool of those who explore."""
        explores = self._exploration
        in_pool = np.zeros(0, bool) if explores is None else explores.explores(rows.states.user)
        if explores is None or not in_pool.any():
            return self._ranked(rows, ranker, self._k)
        at, others = np.flatnonzero(in_pool), np.flatnonzero(~in_pool)
        pool = self._ranked(rows.take(at), ranker, explores.pool, explores.needs_scores)
        parts = [(at, pool.cut(self._k))]
        if others.size:
            parts.append((others, self._ranked(rows.take(others), ranker, self._k)))
        row = np.full(len(rows), -1, np.int64)
        row[at] = np.arange(len(at))
        lists = RankedLists.joined(len(rows), self._k, parts, new=self._new_places)
        return replace(lists, pool=pool, pool_row=row)

    def _ranked(
        self, rows: Example, ranker: Ranker, size: int, scored: bool = False
    ) -> RankedLists:
        states = rows.states
        # A ranker that knows no exclusions or scores serves a job without any.
        more: dict[str, Any] = {"exclusions": rows.exclusions} if rows.exclusions else {}
        more |= {"scored": True} if scored else {}
        more |= {} if rows.times is None else {"times": rows.times}
        more |= {"new": self._new_places} if self._new_places else {}
        return ranker.rank(
            states.user, states.items, states.length, size, self._repeat_consumed, **more
        )

    def _log_failure(self, rows: int) -> None:
        if time.monotonic() >= self._next_log:
            self._next_log = time.monotonic() + LOG_EVERY
            _LOG.exception("the policy failed on %d states: they get popular items", rows)


def _concatenated(batch: Sequence[Example]) -> Example:
    states = States.concat([example.states for example in batch])
    excluded = [example.exclusions for example in batch if example.exclusions]
    times = [example.times for example in batch if example.times is not None]
    return Example(
        states,
        Exclusions.concat(excluded) if excluded else None,
        np.concatenate(times) if times else None,
    )
