"""Where a worker loads the catalogue from. A process loads it once for all steps of a job."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Protocol

from transforms.loaded import loaded
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
        return loaded(self.source).at(self.time)
