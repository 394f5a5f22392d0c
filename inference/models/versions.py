"""A model whose version changes while it is in use."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from inference.models.choices import ModelChoice
from inference.models.current import Signature, current_directory, signature
from inference.models.files import MODEL_BYTES, ModelError, ModelReadError
from inference.models.info import read_info
from transforms.messages.id_kinds import IdKinds

if TYPE_CHECKING:
    from inference.policy import Policy

LOOK_EVERY = 3.0
"""Seconds between checks for a new version."""

Found = tuple[Path, Signature]

_LOG = logging.getLogger(__name__)


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
        directory = current_directory(choice.directory)
        self._used: Found = directory, signature(directory)
        self._tried: Found | None = self._used
        self._policy = self._load(directory)

    @property
    def refused(self) -> int:
        """How many new versions could not be used so far."""
        return self._refused

    def policy(self) -> Policy:
        """The version in use."""
        if self._clock() - self._checked >= LOOK_EVERY and self._lock.acquire(blocking=False):
            try:
                self._checked = self._clock()
                self._check()
            finally:
                self._lock.release()
        return self._policy

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
            directory = current_directory(self._choice.directory)
            found = directory, signature(directory)
            if found == self._used:
                self._message = ""
            elif found != self._tried:
                self._tried = found
                self._take(directory)
                self._used, self._message = found, ""
        except ModelReadError as error:
            self._tried = None  # The content may be good: try again at the next check.
            self._refuse(error)
        except ModelError as error:
            self._refuse(error)
        except Exception as error:  # The version in use must go on ranking.
            self._tried = None
            self._refuse(error)

    def _take(self, directory: Path) -> None:
        """Loads what is in a model directory, unless it is the model in use."""
        info = read_info(directory, self._choice.directory)
        named = dataclasses.replace(info, name=self._choice.name or info.name)
        if not info.files or named.identity != self._policy.info.identity:
            self._policy = self._load(directory)
            _LOG.info("model %s is now in use", self._policy.info.label)

    def _refuse(self, error: Exception) -> None:
        if str(error) != self._message:
            self._message = str(error)
            self._refused += 1
            _LOG.warning("%s; %s stays in use", error, self._policy.info.label)
