"""The models that rank on demand: the stream's own policies, from the same directories."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from inference import packaged_model
from serving.metrics import Metrics
from serving.models.batcher import Batcher, Question
from serving.schemas.requests import HISTORY, HistoriesInput, StatesInput
from serving.schemas.responses import Model, Ranked
from transforms.messages.ranked_lists import RankedLists

if TYPE_CHECKING:
    from inference.models.registry import VersionedModel

_LOG = logging.getLogger("rivulet.serving")
_STATE = "state"
LOOK_EVERY = 1.0
"""Seconds between questions for a new version; the registry looks at CURRENT more rarely."""

Loader = Callable[[], "VersionedModel"]


class StateSizeError(ValueError):
    """An embedding is not as long as the model's states, or not finite."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """Lists, and the model that made them: versions change while requests wait."""

    ranking: RankedLists
    policy: str


class InferenceModel:
    """A model behind its batcher.

    Args:
        name: its address; None for its algorithm's name.
        model: whose version in use ranks.
        threads: where it ranks.
        metrics: is told what is ranked.
    """

    def __init__(
        self,
        name: str | None,
        model: VersionedModel,
        threads: ThreadPoolExecutor,
        metrics: Metrics,
    ) -> None:
        self._versioned = model
        self._policy = model.policy()
        self._metrics = metrics
        self.name = name or self._policy.info.algorithm
        self._batcher: Batcher[_Answer] = Batcher(self._rank, threads, metrics.batch.observe)

    @property
    def model(self) -> Model:
        """What is in use now."""
        policy = self._policy
        return Model(
            name=self.name,
            policy=policy.info.label,
            algorithm=policy.info.algorithm,
            items=len(policy.item_ids),
            state_size=policy.network.sizes.state,
        )

    def look(self) -> None:
        """Takes a new version into use, if CURRENT names one; what loads it waits here."""
        policy = self._versioned.policy()
        if policy is not self._policy:
            _LOG.warning("POST /%s ranks with %s from now on", self.name, policy.info.label)
            self._policy = policy

    def _rank(self, columns: tuple[npt.NDArray[Any], ...], kind: tuple[Any, ...]) -> _Answer:
        policy = self._policy
        form, size, repeat_consumed = kind
        if form == _STATE:
            state_size = policy.network.sizes.state
            if columns[0].shape[1] != state_size:
                raise StateSizeError(
                    f"each embedding must have {state_size} numbers for this model"
                )
            return _Answer(policy.rank_states(columns[0], size), policy.info.label)
        users, histories, lengths = columns
        ranking = policy.rank(users, histories, lengths, size, repeat_consumed)
        return _Answer(ranking, policy.info.label)

    async def rank(self, users: list[int], question: Question) -> Ranked:
        """Ranks, with whatever else is waiting.

        Raises:
            BusyError: too much waits already.
            StateSizeError: the states are not this model's.
        """
        answer, rows = await self._batcher.ask(question)
        batch = answer.ranking
        items = batch.items[rows].tolist()
        propensities = batch.propensities[rows].tolist()
        for row, count in enumerate(batch.length[rows].tolist()):
            del items[row][count:], propensities[row][count:]
        self._metrics.ranked.labels(answer.policy).inc(len(users))
        return Ranked(users, items, propensities, answer.policy)


class ModelManager:
    """All the models, by name.

    Args:
        loaders: per name (None: the algorithm's) what loads its model.
        metrics: is told what is ranked.
    """

    def __init__(self, loaders: Sequence[tuple[str | None, Loader]], metrics: Metrics) -> None:
        self._loaders = loaders
        self._metrics = metrics
        # PyTorch spreads one ranking over all cores; two at once would only get in their way.
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="rank")
        # Apart from ranking: those who ask need not wait while a version is loaded.
        self._lookers = ThreadPoolExecutor(1, thread_name_prefix="look")
        self._served: dict[str, InferenceModel] = {}
        self._ready = asyncio.Event()

    async def run(self) -> None:
        """Loads the models, while those who ask wait, and then follows their versions."""
        loop = asyncio.get_running_loop()
        try:
            for name, loader in self._loaders:
                try:
                    model = await loop.run_in_executor(self._lookers, loader)
                except Exception as error:  # one bad model must not stop the page
                    _LOG.error("a model cannot be served: %s", error)
                    continue
                served = InferenceModel(name, model, self._threads, self._metrics)
                self._served[served.name] = served
        finally:
            self._ready.set()
        while self._served:
            await asyncio.sleep(LOOK_EVERY)
            for served in self._served.values():
                await loop.run_in_executor(self._lookers, served.look)

    async def models(self) -> list[Model]:
        """What can rank."""
        await self._ready.wait()
        return [served.model for served in self._served.values()]

    def names(self) -> list[str]:
        """Names of what has been loaded so far."""
        return list(self._served)

    async def find(self, name: str) -> InferenceModel | None:
        """A model by its name."""
        await self._ready.wait()
        return self._served.get(name)

    def close(self) -> None:
        """Lets the last ranking end."""
        for threads in (self._threads, self._lookers):
            threads.shutdown(wait=False, cancel_futures=True)


def histories_question(given: HistoriesInput) -> Question:
    """The columns of a request: the last items of each history, left-aligned."""
    rows = [history[-HISTORY:] for history in given.item]
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    histories = np.zeros((len(rows), HISTORY), np.int64)
    for row, items in zip(histories, rows, strict=True):
        row[: len(items)] = items
    columns = (np.array(given.user, np.int64), histories, lengths)
    return Question(columns, ("history", given.size, given.repeat_consumed))


def states_question(given: StatesInput) -> Question:
    """The columns of a request with states.

    Raises:
        StateSizeError: the states are not equally long, or not finite.
    """
    if len({len(state) for state in given.embedding}) > 1:
        raise StateSizeError("the embeddings have different lengths")
    states = np.array(given.embedding, np.float64)
    if not np.isfinite(states).all():
        raise StateSizeError("embeddings must be finite numbers")
    return Question((states,), (_STATE, given.size, states.shape[1]))


def loaders_of(given: Sequence[str] | None) -> list[tuple[str | None, Loader]]:
    """What `--model` names, to be loaded later: PyTorch takes seconds to import.

    Args:
        given: `[NAME=]DIR` each, or the job's own NAME=DIR:WEIGHT, whose weight means nothing
            here; None for the packaged model; `none` alone for no model.

    Raises:
        ValueError: two have the same name.
    """
    if given is None:
        return [(None, _Loader("", packaged_model()))]
    if list(given) == ["none"]:
        return []
    loaders: list[tuple[str | None, Loader]] = []
    for text in given:
        name, separator, directory = text.rpartition("=")
        if separator:
            directory = re.sub(r":[0-9.]+$", "", directory)
        loaders.append((name or None, _Loader(name, Path(directory))))
    names = [name for name, _ in loaders if name]
    if len(names) != len(set(names)):
        raise ValueError("--model: two models have the same name")
    return loaders


class _Loader:
    def __init__(self, name: str, directory: Path) -> None:
        self._name, self._directory = name, directory

    def __call__(self) -> VersionedModel:
        from inference.models.registry import ModelChoice, VersionedModel

        return VersionedModel(ModelChoice(self._directory, self._name))
