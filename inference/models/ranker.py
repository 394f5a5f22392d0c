"""What ranks for a job in a worker: loaded once, kept as long as the process, tried again.

Runners set the same step up many times, some of them for each bundle; and a version that cannot
be loaded just when a worker starts must not end a job whose users can have popular items.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from transforms.messages.ranked_lists import RankedLists

TRY_EVERY = 3.0
"""Seconds between tries to load what could not be loaded."""

_JOBS = 4
_LOG = logging.getLogger(__name__)


class Ranker(Protocol):
    """What ranks: a registry of models, or a test's fake."""

    def rank(
        self,
        users: np.ndarray[Any, np.dtype[np.int64]],
        histories: np.ndarray[Any, np.dtype[np.int64]],
        lengths: np.ndarray[Any, np.dtype[np.int64]],
        k: int,
        repeat_consumed: bool = False,
    ) -> RankedLists:
        """The best `k` items for each user and history, and the label of the model."""
        ...


class RankerSource(Protocol):
    """Where a worker gets its ranker from; small, and can be pickled."""

    def load(self) -> Ranker:
        """Loads the models (once a worker)."""
        ...


class NotLoadedError(RuntimeError):
    """There is no model yet; why has been logged."""


class KeptRanker:
    """A source's ranker, as soon as it can be had.

    Args:
        source: where it comes from.
        clock: seconds, rising.
    """

    def __init__(self, source: RankerSource, clock: Callable[[], float] = time.monotonic) -> None:
        self._source, self._clock = source, clock
        self._ranker: Ranker | None = None
        self._next = clock()
        self._lock = threading.Lock()

    def load(self) -> Ranker:
        """The ranker.

        Raises:
            NotLoadedError: it cannot be loaded now.
        """
        with self._lock:
            if self._ranker is None:
                if self._clock() < self._next:
                    raise NotLoadedError
                try:
                    self._ranker = self._source.load()
                except Exception as error:
                    self._next = self._clock() + TRY_EVERY
                    _LOG.error("no model, so users get popular items: %s", error)
                    raise NotLoadedError from error
            return self._ranker


_lock = threading.Lock()
_kept: OrderedDict[str, KeptRanker] = OrderedDict()


def kept_ranker(job: str, source: RankerSource) -> KeptRanker:
    """The ranker that this process keeps for a job; those of the last few jobs are kept."""
    with _lock:
        kept = _kept.setdefault(job, KeptRanker(source))
        _kept.move_to_end(job)
        while len(_kept) > _JOBS:
            _kept.popitem(last=False)
    return kept
