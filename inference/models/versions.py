"""A model whose version changes while it is in use."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from inference.models.choices import ModelChoice
from inference.models.current import Signature, current_stages, signature
from inference.models.files import MODEL_BYTES, ModelError, ModelReadError
from inference.models.info import read_info
from inference.models.stages import Stage, stage_of
from transforms.messages.id_kinds import IdKinds

if TYPE_CHECKING:
    from inference.policy import Policy

LOOK_EVERY = 3.0
"""Seconds between checks for a new version."""

Int64s = npt.NDArray[np.int64]

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Found:
    """What a folder says: which versions rank when, and what their files are.

    Attributes:
        stages: who ranks when; none where the folder is a model directory itself.
        main: the model directory in use.
        files: the model directories, with their signatures.
    """

    stages: tuple[Stage, ...]
    main: Path
    files: tuple[tuple[Path, Signature], ...]

    @staticmethod
    def at(folder: Path) -> Found:
        """What the folder says now.

        Raises:
            ModelError: CURRENT is wrong.
        """
        stages = current_stages(folder)
        names = dict.fromkeys(name for stage in stages for name, _ in stage.shares)
        directories = [folder / name for name in names] or [folder]
        main = folder / stages[-1].main if stages else folder
        return Found(stages, main, tuple((each, signature(each)) for each in directories))


class VersionedModel:
    """A model that follows its folder.

    A change is found by content: another version that CURRENT names, or other files in the model
    directory in use. A version that cannot be used is refused: the one before stays in use, a log
    line says why, and the version is tried again when its files change.

    Args:
        choice: which model.
        device: where it runs.
        limit: most bytes of a file of the model directory.
        clock: seconds, monotonic.
        ids: the kinds of ids that a version must have; None for any.

    Raises:
        ModelError: the version in use cannot be loaded now.
    """

    def __init__(
        self,
        choice: ModelChoice,
        device: str = "cpu",
        limit: int = MODEL_BYTES,
        clock: Callable[[], float] = time.monotonic,
        ids: IdKinds | None = None,
    ) -> None:
        self._ids = ids
        self._choice, self._device, self._limit, self._clock = choice, device, limit, clock
        self._lock = threading.Lock()
        self._message = ""
        self._refused = 0
        self._checked = clock()
        found = Found.at(choice.directory)
        self._tried: Found | None = found
        # One value, so that other threads see both change at once.
        self._used = found, {each: self._load(each) for each, _ in found.files}

    @property
    def refused(self) -> int:
        """How many new versions could not be used so far."""
        return self._refused

    def policy(self) -> Policy:
        """The version in use: that of the largest share now."""
        self._look()
        used, policies = self._used
        return policies[used.main]

    def parts(self, users: Int64s, times: Int64s | None) -> list[tuple[Int64s, Policy]]:
        """The version of each user at a time: rows, and what ranks for them.

        Args:
            users: int64 [n].
            times: int64 [n], ranking times; None: the version in use ranks for all.
        """
        self._look()
        used, policies = self._used
        if times is None or len(used.files) == 1:
            return [(np.arange(len(users)), policies[used.main])]
        stage = stage_of(used.stages, times)
        chosen: dict[str, list[Int64s]] = {}
        for number in np.unique(stage).tolist():
            rows = np.flatnonzero(stage == number)
            version = used.stages[number].version_of(users[rows])
            for place, (name, _) in enumerate(used.stages[number].shares):
                chosen.setdefault(name, []).append(rows[version == place])
        folder = self._choice.directory
        found = [(np.sort(np.concatenate(rows)), folder / name) for name, rows in chosen.items()]
        return [(rows, policies[directory]) for rows, directory in found if len(rows)]

    def _look(self) -> None:
        if self._clock() - self._checked >= LOOK_EVERY and self._lock.acquire(blocking=False):
            try:
                self._checked = self._clock()
                self._check()
            finally:
                self._lock.release()

    def _load(self, directory: Path) -> Policy:
        # This imports PyTorch: not before there is a model to load.
        from inference.models.directory import load_policy

        if self._ids is not None:
            read_info(directory, self._choice.directory).check_ids(self._ids, directory)
        policy = load_policy(directory, self._device, self._choice.directory, self._limit)
        if self._choice.name:
            policy.info = dataclasses.replace(policy.info, name=self._choice.name)
        return policy

    def _check(self) -> None:
        try:
            found = Found.at(self._choice.directory)
            if found == self._used[0]:
                self._message = ""
            elif found != self._tried:
                self._tried = found
                policies = {each: self._taken(each, files) for each, files in found.files}
                self._used, self._message = (found, policies), ""
        except ModelReadError as error:
            self._tried = None  # The content may be good: try again at the next check.
            self._refuse(error)
        except ModelError as error:
            self._refuse(error)
        except Exception as error:  # The version in use must go on ranking.
            self._tried = None
            self._refuse(error)

    def _taken(self, directory: Path, files: Signature) -> Policy:
        """The policy of a model directory: loaded, unless it is one that is in use."""
        used, policies = self._used
        if (directory, files) in used.files:
            return policies[directory]
        info = read_info(directory, self._choice.directory)
        named = dataclasses.replace(info, name=self._choice.name or info.name)
        for policy in policies.values():
            if info.files and named.identity == policy.info.identity:
                return policy
        policy = self._load(directory)
        _LOG.info("model %s is now in use", policy.info.label)
        return policy

    def _refuse(self, error: Exception) -> None:
        if str(error) != self._message:
            self._message = str(error)
            self._refused += 1
            used, policies = self._used
            _LOG.warning("%s; %s stays in use", error, policies[used.main].info.label)
