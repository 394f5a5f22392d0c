"""What ranks in a worker process: loaded on first use, kept for later bundles, retried on failure.

Runners set up a step many times, some of them once a bundle. A model that cannot be loaded when a
worker starts does not end the job: its users get popular items until it can.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from transforms.messages.exclusions import Exclusions
from transforms.messages.ranked_lists import RankedLists

RETRY_EVERY = 3.0
"""Seconds between attempts to load."""

Int64s = npt.NDArray[np.int64]

_LOG = logging.getLogger(__name__)


class Ranker(Protocol):
    """What ranks: a registry of models, or a fake in a test."""

    def rank(
        self,
        users: Int64s,
        histories: Int64s,
        lengths: Int64s,
        k: int,
        repeat_consumed: bool = False,
        exclusions: Exclusions | None = None,
        scored: bool = False,
        new: int = 0,
    ) -> RankedLists:
        """The best `k` items for each user and history; as `inference.policy.Policy.rank`.

        `scored` is given where a job explores by scores, `new` where lists have places for new
        items, and not otherwise. Rankers of a source that is `by_time` take the ranking times, too,
        as `times`.
        """
        ...


class RankerSource(Protocol):
    """Where a worker loads its ranker from; small, can be pickled."""

    def load(self) -> Ranker:
        """Loads the models."""
        ...


def by_time(source: RankerSource) -> bool:
    """Whether a source's rankers ask for the ranking times."""
    return bool(getattr(source, "by_time", False))


@runtime_checkable
class CountsRefused(Protocol):
    """A ranker that follows versions of its models."""

    @property
    def refused(self) -> int:
        """How many new versions could not be used so far."""
        ...


class NotLoadedError(RuntimeError):
    """No model is loaded. The log says why."""


class LazyRanker:
    """A source's ranker, loaded on first use.

    Args:
        source: where it comes from.
        clock: seconds, monotonic.
    """

    def __init__(self, source: RankerSource, clock: Callable[[], float] = time.monotonic) -> None:
        self._source, self._clock = source, clock
        self._ranker: Ranker | None = None
        self._next = clock()
        self._reported = 0
        self._is_begun = False
        self._lock = threading.Lock()

    def load_early(self) -> None:
        """Loads in a thread, so that the first ranking need not wait as long; returns at once."""
        if not self._is_begun:
            self._is_begun = True
            # A failure is logged, and `load` tries again.
            threading.Thread(target=self._load_or_fail, name="load models").start()

    def _load_or_fail(self) -> None:
        with contextlib.suppress(NotLoadedError):
            self.load()

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
                    self._next = self._clock() + RETRY_EVERY
                    _LOG.error("no model, so users get popular items: %s", error)
                    raise NotLoadedError from error
            return self._ranker

    def newly_refused(self) -> int:
        """How many versions have been refused since the last call."""
        with self._lock:
            total = self._ranker.refused if isinstance(self._ranker, CountsRefused) else 0
            fresh, self._reported = total - self._reported, total
            return fresh


class RankerCache:
    """The rankers of the last few jobs in a process.

    Args:
        size: most jobs.
    """

    def __init__(self, size: int = 4) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._rankers: OrderedDict[str, LazyRanker] = OrderedDict()

    def get(self, job: str, source: RankerSource) -> LazyRanker:
        """The ranker of a job. Jobs share nothing, not even where their sources are equal.

        Args:
            job: the job's unique id.
            source: where the job's models come from.
        """
        with self._lock:
            ranker = self._rankers.setdefault(job, LazyRanker(source))
            self._rankers.move_to_end(job)
            while len(self._rankers) > self._size:
                self._rankers.popitem(last=False)
        return ranker


RANKERS = RankerCache()
"""The process's cache. A runner may set up a step for each bundle, so steps cannot hold it."""
