"""Where a worker loads the catalogue from. A process loads it once for all steps of a job."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

from transforms.messages.availability import Availability


class CatalogueView(Protocol):
    """A catalogue that was loaded, and that follows its changes."""

    def at(self, time: int) -> Availability:
        """What is available at a time in seconds since the epoch; may wait for the source."""
        ...

    @property
    def has_features(self) -> bool:
        """Whether an item has what recommends it while no model knows it."""
        ...


class CatalogueSource(Hashable, Protocol):
    """Where the catalogue is; small, can be pickled; equal sources are one catalogue."""

    def load(self) -> CatalogueView:
        """Loads it."""
        ...


View = TypeVar("View", covariant=True)


class Source(Hashable, Protocol[View]):
    """Anything that workers load once; equal sources are one."""

    def load(self) -> View:
        """Loads it."""
        ...


@dataclass(frozen=True, slots=True)
class AtTime:
    """What is available at a time, by the catalogue that this process has loaded.

    Attributes:
        source: the catalogue.
        time: seconds since the epoch.
    """

    source: CatalogueSource
    time: int

    def load(self) -> Availability:
        """Finds it."""
        return loaded_catalogue(self.source).at(self.time)


_KEPT = 4
_VIEWS: OrderedDict[Source[Any], Any] = OrderedDict()
_LOCK = threading.Lock()


def loaded(source: Source[View]) -> View:
    """What the source has, in this process."""
    with _LOCK:
        if source not in _VIEWS:
            _VIEWS[source] = source.load()
            while len(_VIEWS) > _KEPT:
                _VIEWS.popitem(last=False)
        _VIEWS.move_to_end(source)
        return cast("View", _VIEWS[source])


def loaded_catalogue(source: CatalogueSource) -> CatalogueView:
    """The source's catalogue in this process."""
    return loaded(source)
