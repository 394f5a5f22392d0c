"""The model handler that RunInference calls, over whole columns of states.

An example is a tensor of all the states of a shard that are due, not of one user; the
handler joins the examples of a batch, ranks once and splits the answer.
"""

from __future__ import annotations

import contextlib
import logging
import time
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from apache_beam.metrics import Metrics
from apache_beam.ml.inference.base import PredictionResult
from apache_beam.ml.inference.pytorch_inference import PytorchModelHandlerTensor

from inference.models.ranker import KeptRanker, NotLoadedError, RankerSource, kept_ranker
from transforms.messages.ranked_lists import RankedLists
from transforms.messages.ranking import States

_LOG = logging.getLogger(__name__)


def to_tensor(states: States) -> torch.Tensor:
    """States as one int64 tensor [n, 2 + h]: user, length, items."""
    return torch.from_numpy(
        np.concatenate((states.user[:, None], states.length[:, None], states.items), axis=1)
    )


class PolicyHandler(PytorchModelHandlerTensor):
    """Ranks tensors of states (see `to_tensor`) with the models of a source.

    Args:
        source: where a worker gets its models from.
        k: items to rank.
        repeat_consumed: whether items of the history may be ranked.
    """

    def __init__(self, source: RankerSource, k: int, repeat_consumed: bool) -> None:
        super().__init__(
            state_dict_path="model.pt",  # What is loaded is the source's: see load_model.
            model_class=torch.nn.Module,
            min_batch_size=1,
            # Examples are shards: what these are shown is written while the next ones are ranked.
            max_batch_size=2,
        )
        self._source, self._k, self._repeat_consumed = source, k, repeat_consumed
        self._job = uuid.uuid4().hex
        self._failures = Metrics.counter("rivulet", "model_failures")
        self._rows = Metrics.distribution("rivulet", "model_batch_rows")
        self._micros = Metrics.distribution("rivulet", "model_batch_micros")

    def load_model(self) -> KeptRanker:
        """The job's ranker in this process; one that cannot be loaded now is tried again."""
        ranker = kept_ranker(self._job, self._source)
        with contextlib.suppress(NotLoadedError):
            ranker.load()
        return ranker

    def get_num_bytes(self, batch: Sequence[torch.Tensor]) -> int:
        """Bytes of the batch's tensors (Beam's own asks row by row)."""
        return sum(tensor.nbytes for tensor in batch)

    def run_inference(
        self,
        batch: Sequence[torch.Tensor],
        model: KeptRanker,
        inference_args: dict[str, Any] | None = None,
    ) -> Iterable[PredictionResult]:
        """Ranks all the states of `batch` at once; `RankedLists` for each example.

        A model that fails ranks nothing, so that its users get popular items; the counter
        model_failures and the log say so.
        """
        del inference_args
        rows = torch.cat(list(batch)).numpy()
        started = time.perf_counter_ns()
        ranked = self._rank(rows, model)
        self._micros.update((time.perf_counter_ns() - started) // 1000)
        self._rows.update(len(rows))
        behind = np.cumsum([len(tensor) for tensor in batch])
        for tensor, end in zip(batch, behind.tolist(), strict=True):
            yield PredictionResult(tensor, ranked.take(slice(end - len(tensor), end)))

    def _rank(self, rows: np.ndarray[Any, np.dtype[np.int64]], model: KeptRanker) -> RankedLists:
        if len(rows):
            try:
                return model.load().rank(
                    rows[:, 0], rows[:, 2:], rows[:, 1], self._k, self._repeat_consumed
                )
            except NotLoadedError:
                self._failures.inc()
            except Exception:
                self._failures.inc()
                _LOG.exception("the policy failed on %d states: they get popular items", len(rows))
        return RankedLists.empty(len(rows), self._k)
