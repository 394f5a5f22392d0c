"""The models that rank on demand: the stream's own policies, from the same directories."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from inference import packaged_model
from serving.answers import Model, Ranked
from serving.batcher import Batcher, Question, Ranking
from serving.inputs import HISTORY, HistoriesInput, StatesInput
from serving.metrics import Metrics

if TYPE_CHECKING:
    from inference.policy import Policy

_LOG = logging.getLogger("rivulet.serving")
_STATE = "state"


class StateSizeError(ValueError):
    """An embedding is not as long as the model's states, or not finite."""


class Served:
    """A loaded policy behind its batcher."""

    def __init__(self, name: str, policy: Policy, threads: ThreadPoolExecutor, metrics: Metrics):
        self.model = Model(
            name=name,
            policy=policy.info.label,
            algorithm=policy.info.algorithm,
            items=len(policy.item_ids),
            state_size=policy.network.sizes.state,
        )
        self._policy = policy
        self._ranked = metrics.ranked.labels(self.model.policy)
        self._batcher: Batcher[Ranking] = Batcher(self._rank, threads, metrics.batch.observe)

    def _rank(self, columns: tuple[npt.NDArray[Any], ...], kind: tuple[Any, ...]) -> Ranking:
        form, size, repeat_consumed = kind
        if form == _STATE:
            return self._policy.rank_states(columns[0], size)
        users, histories, lengths = columns
        return self._policy.rank(users, histories, lengths, size, repeat_consumed)

    async def rank(self, users: list[int], question: Question) -> Ranked:
        """Ranks, with whatever else is waiting."""
        batch, rows = await self._batcher.ask(question)
        items = batch.items[rows].tolist()
        propensities = batch.propensities[rows].tolist()
        for row, count in enumerate(batch.counts[rows].tolist()):
            del items[row][count:], propensities[row][count:]
        self._ranked.inc(len(users))
        return Ranked(users, items, propensities, self.model.policy)


class ModelShelf:
    """All the models, by name.

    Args:
        loaders: per name (None: the algorithm's) what loads its policy.
        metrics: is told what is ranked.
    """

    def __init__(
        self, loaders: Sequence[tuple[str | None, Callable[[], Policy]]], metrics: Metrics
    ) -> None:
        self._loaders = loaders
        self._metrics = metrics
        # PyTorch spreads one ranking over all cores; two at once would only get in their way.
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="rank")
        self._served: dict[str, Served] = {}
        self._ready = asyncio.Event()

    async def load(self) -> None:
        """Loads them; those who ask meanwhile wait."""
        loop = asyncio.get_running_loop()
        try:
            for name, loader in self._loaders:
                try:
                    policy = await loop.run_in_executor(self._threads, loader)
                except Exception as error:  # one bad model must not stop the page
                    _LOG.error("a model cannot be served: %s", error)
                    continue
                served = Served(name or policy.info.algorithm, policy, self._threads, self._metrics)
                self._served[served.model.name] = served
        finally:
            self._ready.set()

    async def models(self) -> list[Model]:
        """What can rank."""
        await self._ready.wait()
        return [served.model for served in self._served.values()]

    def names(self) -> list[str]:
        """Names of what has been loaded so far."""
        return list(self._served)

    async def find(self, name: str) -> Served | None:
        """A model by its name."""
        await self._ready.wait()
        return self._served.get(name)

    def close(self) -> None:
        """Lets the last ranking end."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def histories_question(given: HistoriesInput) -> Question:
    """The columns of a request: the last items of each history, left-aligned."""
    rows = [history[-HISTORY:] for history in given.item]
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    histories = np.zeros((len(rows), HISTORY), np.int64)
    for row, items in zip(histories, rows, strict=True):
        row[: len(items)] = items
    columns = (np.array(given.user, np.int64), histories, lengths)
    return Question(columns, ("history", given.size, given.repeat_consumed))


def states_question(given: StatesInput, state_size: int) -> Question:
    """The columns of a request with states.

    Raises:
        StateSizeError: a state has another length, or is not finite.
    """
    if any(len(state) != state_size for state in given.embedding):
        raise StateSizeError(f"each embedding must have {state_size} numbers for this model")
    states = np.array(given.embedding, np.float64)
    if not np.isfinite(states).all():
        raise StateSizeError("embeddings must be finite numbers")
    return Question((states,), (_STATE, given.size, True))


def loaders_of(
    given: Sequence[str] | None,
) -> list[tuple[str | None, Callable[[], Policy]]]:
    """What `--model` names, to be loaded later: PyTorch takes seconds to import.

    Args:
        given: `[NAME=]DIR` each; None for the packaged model.

    Raises:
        ValueError: two have the same name.
    """
    if given is None:
        return [(None, _Loader(packaged_model()))]
    loaders: list[tuple[str | None, Callable[[], Policy]]] = []
    for text in given:
        name, separator, directory = text.rpartition("=")
        loaders.append((name if separator else None, _Loader(Path(directory))))
    names = [name for name, _ in loaders if name]
    if len(names) != len(set(names)):
        raise ValueError("--model: two models have the same name")
    return loaders


class _Loader:
    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __call__(self) -> Policy:
        from inference.model_dir import load_policy

        return load_policy(self._directory)
