"""Loads the models that rank on demand, and follows their versions."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from inference import packaged_model
from inference.models.files import MODEL_BYTES
from serving.metrics import Metrics
from serving.models.inference_model import InferenceModel
from serving.schemas.health import Model

if TYPE_CHECKING:
    from inference.models.versions import VersionedModel

_LOG = logging.getLogger("rivulet.serving")
REFRESH_SECONDS = 1.0
"""Seconds between checks for a new version; the registry reads CURRENT less often."""


class ModelManager:
    """All models, by name.

    Args:
        loaders: for each model its name (None: its algorithm's) and what loads it.
        metrics: receives what is ranked.
    """

    def __init__(
        self, loaders: Sequence[tuple[str | None, Callable[[], VersionedModel]]], metrics: Metrics
    ) -> None:
        self._loaders = loaders
        self._metrics = metrics
        # PyTorch uses all cores for one ranking; two at once would slow each other down.
        self._rank_threads = ThreadPoolExecutor(1, thread_name_prefix="rank")
        # Requests are ranked while another version is loaded.
        self._load_threads = ThreadPoolExecutor(1, thread_name_prefix="load")
        self._models: dict[str, InferenceModel] = {}
        self._loaded = asyncio.Event()
        self.loading = len(loaders)
        self.failed: list[str] = []

    async def run(self) -> None:
        """Loads the models, while requests for them wait, and then follows their versions."""
        loop = asyncio.get_running_loop()
        try:
            for name, loader in self._loaders:
                try:
                    versioned = await loop.run_in_executor(self._load_threads, loader)
                    model = InferenceModel(name, versioned, self._rank_threads, self._metrics)
                    self._models[model.name] = model
                except Exception as error:  # without one model the rest of the server still works
                    self.failed.append(" ".join(str(error).split()))
                    _LOG.error("a model cannot be loaded: %s", self.failed[-1])
                self.loading -= 1
        finally:
            self._loaded.set()
        while self._models:
            await asyncio.sleep(REFRESH_SECONDS)
            for model in self._models.values():
                await loop.run_in_executor(self._load_threads, model.refresh)

    async def models(self) -> list[Model]:
        """The models in use, once all are loaded."""
        await self._loaded.wait()
        return [model.model for model in self._models.values()]

    async def loaded(self) -> list[InferenceModel]:
        """The models in the order of `--model`, once all are loaded."""
        await self._loaded.wait()
        return list(self._models.values())

    def names(self) -> list[str]:
        """The names of the models that are loaded so far."""
        return list(self._models)

    async def find(self, name: str) -> InferenceModel | None:
        """A model by its name, once all are loaded."""
        await self._loaded.wait()
        return self._models.get(name)

    def close(self) -> None:
        """Ends the threads once their current work is done."""
        for threads in (self._rank_threads, self._load_threads):
            threads.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True, slots=True)
class ModelLoader:
    """Loads a model; PyTorch is imported only then.

    Attributes:
        directory: a model directory, or a folder of versions.
        name: what answers call the model; empty for its own name.
        max_bytes: largest size of a file of the model directory.
    """

    directory: Path
    name: str = ""
    max_bytes: int = MODEL_BYTES

    def __call__(self) -> VersionedModel:
        """The model.

        Raises:
            ModelError: the directory has no model that can be used.
            ModuleNotFoundError: a package that models need is not installed.
        """
        try:
            from inference.models.choices import ModelChoice
            from inference.models.versions import VersionedModel

            return VersionedModel(ModelChoice(self.directory, self.name), limit=self.max_bytes)
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f"{self.directory}: a model needs the Python package {error.name}, which is not "
                f"installed: pip install {error.name}, or start the server with --model none"
            ) from error


def model_loaders(
    given: Sequence[str] | None, max_bytes: int = MODEL_BYTES
) -> list[tuple[str | None, ModelLoader]]:
    """The loaders of the models that `--model` names.

    Args:
        given: `[NAME=]DIR` each, or the job's NAME=DIR:WEIGHT, whose weight is not used; None
            for the packaged model; `none` alone for no model.
        max_bytes: largest size of a file of a model directory.

    Raises:
        ValueError: two models have the same name.
    """
    if given is None:
        return [(None, ModelLoader(packaged_model(), max_bytes=max_bytes))]
    if list(given) == ["none"]:
        return []
    loaders: list[tuple[str | None, ModelLoader]] = []
    for text in given:
        name, separator, directory = text.rpartition("=")
        if separator:
            directory = re.sub(r":[0-9.]+$", "", directory)
        loaders.append((name or None, ModelLoader(Path(directory), name, max_bytes)))
    names = [name for name, _ in loaders if name]
    if len(names) != len(set(names)):
        raise ValueError("--model: two models have the same name")
    return loaders
