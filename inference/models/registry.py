"""Which model ranks for whom: versions that change while a job runs, and models side by side.

A model's folder is a model directory, or holds several, one per version, and a file CURRENT
with the name of the one in use. Several models with weights share the users by a hash of the
user's id alone, so that a user stays with a model on every worker and in every run.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from inference.models.directory import INFO, ModelError, load_policy
from inference.policy import Policy
from transforms.columns.hashing import mix
from transforms.messages.ranked_lists import RankedLists

Int64s = npt.NDArray[np.int64]

CURRENT = "CURRENT"
LOOK_EVERY = 3.0
"""Seconds between looks at CURRENT."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """One value of `--model`.

    Attributes:
        directory: a model directory, or a folder of versions.
        name: what rows call the model; empty for its own name.
        weight: share of the users, beside the other models' weights.
    """

    directory: Path
    name: str = ""
    weight: float = 1.0


def parse_models(values: Sequence[str]) -> tuple[ModelChoice, ...]:
    """The models that values like `DIR`, `name=DIR` and `name=DIR:0.9` ask for.

    Raises:
        ValueError: a value cannot be understood, or the values do not go together.
    """
    choices = tuple(_parse(value) for value in values)
    names = [choice.name for choice in choices]
    if len(choices) > 1 and "" in names:
        raise ValueError("several models need names and weights: --model a=DIR:0.9 --model b=DIR:1")
    if len(set(names)) < len(names):
        raise ValueError(f"two models have one name: {', '.join(names)}")
    if choices and not sum(choice.weight for choice in choices) > 0:
        raise ValueError("the weights of the models are all 0: no user would have a model")
    return choices


def _parse(value: str) -> ModelChoice:
    name, equals, rest = value.partition("=")
    if not equals:
        name, rest = "", value
    elif not name or not all(letter.isalnum() or letter in "_.-" for letter in name):
        raise ValueError(f"{value!r}: a model's name has letters, digits, '_', '.' and '-' alone")
    directory, colon, text = rest.rpartition(":")
    weight = 1.0
    if not colon or not equals:
        directory = rest
    else:
        try:
            weight = float(text)
        except ValueError:
            weight = -1.0
        if not 0 <= weight < float("inf"):
            raise ValueError(f"{value!r}: {text!r} is no weight; give name=DIR:0.9, say")
    if not directory:
        raise ValueError(f"{value!r} names no folder; give DIR, name=DIR or name=DIR:WEIGHT")
    return ModelChoice(Path(directory), name, weight)


def shares(users: Int64s, weights: Sequence[float]) -> Int64s:
    """The model of each user, int64 [n] in [0, len(weights)), in proportion to the weights.

    It depends on the user's id and the weights alone (SplitMix64's finalizer as the hash).
    """
    place = (mix(users) >> np.uint64(11)).astype(np.float64) / float(1 << 53)
    edges = np.cumsum(np.asarray(weights, np.float64))
    found = np.searchsorted(edges / edges[-1], place, side="right")
    # A weight of 0 has an empty interval; rounding must not send the last users beyond the end.
    return np.minimum(found, int(np.flatnonzero(np.asarray(weights) > 0)[-1])).astype(np.int64)


def current_directory(folder: Path) -> Path:
    """The model directory in use: `folder` itself, or the version that CURRENT names.

    Raises:
        ModelError: CURRENT names no sub-folder.
    """
    try:
        version = (folder / CURRENT).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        if not (folder / INFO).exists() and folder.is_dir() and any(folder.glob(f"*/{INFO}")):
            raise ModelError(
                f"{folder} has versions but no file {CURRENT} that names the one to use"
            ) from None
        return folder
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{folder / CURRENT} cannot be read: {error}") from error
    if not version or version in (".", "..") or Path(version).name != version:
        raise ModelError(f"{folder / CURRENT} names no sub-folder: {version[:80]!r}")
    return folder / version


class VersionedModel:
    """A model whose version may change while it is in use.

    Args:
        choice: which model.
        device: where it runs.
        clock: seconds, rising.

    Raises:
        ModelError: the version in use cannot be loaded now.
    """

    def __init__(
        self, choice: ModelChoice, device: str = "cpu", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._choice, self._device, self._clock = choice, device, clock
        self._lock = threading.Lock()
        self._told = ""
        self._looked = clock()
        self._directory = current_directory(choice.directory)
        self._policy = self._load(self._directory)

    def _load(self, directory: Path) -> Policy:
        policy = load_policy(directory, self._device)
        if self._choice.name:
            policy.info = dataclasses.replace(policy.info, name=self._choice.name)
        return policy

    def policy(self) -> Policy:
        """The version in use: the old one, said once in the log, where the new one is broken."""
        if self._clock() - self._looked >= LOOK_EVERY and self._lock.acquire(blocking=False):
            try:
                self._looked = self._clock()
                self._look()
            finally:
                self._lock.release()
        return self._policy

    def _look(self) -> None:
        try:
            directory = current_directory(self._choice.directory)
            if directory != self._directory:
                self._policy = self._load(directory)
                self._directory = directory
                _LOG.info("model %s is in use from now on", self._policy.info.label)
            self._told = ""
        except ModelError as error:
            if str(error) != self._told:
                self._told = str(error)
                _LOG.warning("%s; %s stays in use", error, self._policy.info.label)


class Registry:
    """Models that share the users.

    Args:
        choices: at least one.
        device: where they run.
        clock: seconds, rising.

    Raises:
        ModelError: one of them cannot be loaded.
    """

    def __init__(
        self,
        choices: Sequence[ModelChoice],
        device: str = "cpu",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.weights = [choice.weight for choice in choices]
        self.models = [VersionedModel(choice, device, clock) for choice in choices]

    def rank(
        self,
        users: Int64s,
        histories: Int64s,
        lengths: Int64s,
        k: int,
        repeat_consumed: bool = False,
    ) -> RankedLists:
        """Each row's list by its user's model, and that model's label; as `Policy.rank`."""
        ranked = RankedLists.empty(len(users), k)
        share = shares(users, self.weights)
        for number, model in enumerate(self.models):
            at = np.flatnonzero(share == number)
            if not len(at):
                continue
            policy = model.policy()
            given = policy.rank(users[at], histories[at], lengths[at], k, repeat_consumed)
            ranked.items[at], ranked.length[at] = given.items, given.length
            ranked.propensities[at], ranked.policy[at] = given.propensities, given.policy
        return ranked


@dataclass(frozen=True)
class RegistrySource:
    """Where a worker gets its models from (`inference.handler.RankerSource`).

    Attributes:
        choices: as `parse_models` gives them.
        device: where they run.
    """

    choices: tuple[ModelChoice, ...]
    device: str = "cpu"

    def load(self) -> Registry:
        """Loads the models.

        Raises:
            ModelError: one of them cannot be loaded.
        """
        return Registry(self.choices, self.device)
