"""The settings of the sinks: where each output goes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rivulet.errors import UserError
from rivulet.settings import option

if TYPE_CHECKING:
    from sinks.base import StoreSource

DEFAULT_STORE = "sqlite:///rivulet.db"
"""The store of every output for which none is named."""

NOWHERE = "none"


def open_sources(urls: Iterable[str]) -> list[StoreSource]:
    """The stores of an output; DEFAULT_STORE without a URL, and none for 'none'.

    Raises:
        SinkError: a URL is none of a store that Rivulet writes to.
    """
    from sinks.urls import open_source

    chosen = list(dict.fromkeys(urls)) or [DEFAULT_STORE]
    return [open_source(url) for url in chosen if url != NOWHERE]


def _problems(urls: Iterable[str]) -> list[str]:
    try:
        open_sources(urls)
    except UserError as error:
        return [str(error)]
    return []


@dataclass(frozen=True)
class RecordSinkSettings:
    """Where the events go.

    Attributes:
        record_sink: store for the events: an SQLAlchemy URL, mongodb:// or redis://, with ${NAME}
            for secrets from the environment; can be given several times; 'none' for nowhere.
    """

    record_sink: tuple[str, ...] = option((), "URL", shown=DEFAULT_STORE)

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        return _problems(self.record_sink)

    def sources(self) -> list[StoreSource]:
        """The stores."""
        return open_sources(self.record_sink)


@dataclass(frozen=True)
class PopularSinkSettings:
    """Where the popular items go.

    Attributes:
        popular_sink: store for the popular items, as for --record_sink: an SQLAlchemy URL,
            mongodb:// or redis://; can be given several times; 'none' for nowhere.
    """

    popular_sink: tuple[str, ...] = option((), "URL", shown=DEFAULT_STORE)

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        return _problems(self.popular_sink)

    def sources(self) -> list[StoreSource]:
        """The stores."""
        return open_sources(self.popular_sink)


@dataclass(frozen=True)
class RecommendationSinkSettings:
    """Where the recommendations go.

    Attributes:
        recommendation_sink: store for the recommendations, as for --record_sink: an SQLAlchemy
            URL, mongodb:// or redis://; can be given several times; 'none' for nowhere.
        archive_delay: in a stream whose recommendations go to Redis and to other stores, the
            others are written when the watermark is so far past the recommendations' time, so
            that Redis, which serves them, is written first; in seconds of event time, 0 for at
            once.
    """

    recommendation_sink: tuple[str, ...] = option((), "URL", shown=DEFAULT_STORE)
    archive_delay: int = option(3, "SECONDS", least=0)

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        return _problems(self.recommendation_sink)

    def sources(self) -> list[StoreSource]:
        """The stores."""
        return open_sources(self.recommendation_sink)


@dataclass(frozen=True)
class DeadLetterSettings:
    """Where the dead letters go.

    Attributes:
        dead_letters: file for what could not be used: malformed lines, late events, rows that a
            store refused, a line of JSON each.
    """

    dead_letters: str = option("rivulet-dead-letters.jsonl", "FILE")
