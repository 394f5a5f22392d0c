"""The model handler for Beam's RunInference, over columns of states.

An example is a tensor of all states of a shard that need a ranking, not of one user. The handler
concatenates the examples of a batch, ranks once and splits the result.
"""

from __future__ import annotations

import contextlib
import logging
import time
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from apache_beam.metrics import Metrics
from apache_beam.ml.inference.base import PredictionResult
from apache_beam.ml.inference.pytorch_inference import PytorchModelHandlerTensor

from inference.models.ranker import RANKERS, LazyRanker, NotLoadedError, RankerSource
from transforms.messages.ranked_lists import RankedLists
from transforms.messages.ranking import States

LOG_EVERY = 60.0
"""Seconds between log lines about a model that fails."""

_LOG = logging.getLogger(__name__)


def to_tensor(states: States) -> torch.Tensor:
    """States as one int64 tensor [n, 2 + h]: user, length, items."""
    return torch.from_numpy(
        np.concatenate((states.user[:, None], states.length[:, None], states.items), axis=1)
    )


class PolicyHandler(PytorchModelHandlerTensor):
    """Ranks tensors of states (`to_tensor`) with the models of a source.

    Metrics: model_failures (batches that could not be ranked), model_versions_refused (new
    versions that could not be used), model_batch_rows, model_batch_micros.

    Args:
        source: where a worker loads its models from.
        k: length of the lists.
        repeat_consumed: whether lists may have items of the history.
    """

    def __init__(self, source: RankerSource, k: int, repeat_consumed: bool) -> None:
        super().__init__(
            state_dict_path="model.pt",  # Not read: load_model loads from the source.
            model_class=torch.nn.Module,
            min_batch_size=1,
            # An example is a shard: its lists are written while the next shard is ranked.
            max_batch_size=2,
        )
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

    def get_num_bytes(self, batch: Sequence[torch.Tensor]) -> int:
        """Bytes of the batch's tensors; Beam's implementation asks row by row."""
        return sum(tensor.nbytes for tensor in batch)

    def run_inference(
        self,
        batch: Sequence[torch.Tensor],
        model: LazyRanker,
        inference_args: dict[str, Any] | None = None,
    ) -> Iterable[PredictionResult]:
        """Ranks all states of `batch` at once; yields `RankedLists` for each example.

        A model that fails ranks nothing, so that its users get popular items. The counter
        model_failures and the log show it.
        """
        del inference_args
        rows = torch.cat(list(batch)).numpy()
        started = time.perf_counter_ns()
        ranked = self._rank(rows, model)
        self._micros.update((time.perf_counter_ns() - started) // 1000)
        self._rows.update(len(rows))
        ends = np.cumsum([len(tensor) for tensor in batch])
        for tensor, end in zip(batch, ends.tolist(), strict=True):
            yield PredictionResult(tensor, ranked.take(slice(end - len(tensor), end)))

    def _rank(self, rows: npt.NDArray[np.int64], model: LazyRanker) -> RankedLists:
        if len(rows):
            try:
                ranked = model.load().rank(
                    rows[:, 0], rows[:, 2:], rows[:, 1], self._k, self._repeat_consumed
                )
                self._versions_refused.inc(model.newly_refused())
                return ranked
            except NotLoadedError:
                self._failures.inc()
            except Exception:
                self._failures.inc()
                self._log_failure(len(rows))
        return RankedLists.empty(len(rows), self._k)

    def _log_failure(self, rows: int) -> None:
        if time.monotonic() >= self._next_log:
            self._next_log = time.monotonic() + LOG_EVERY
            _LOG.exception("the policy failed on %d states: they get popular items", rows)
