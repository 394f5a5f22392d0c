"""The settings of the sinks: where each output goes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from rivulet.errors import UserError
from rivulet.limits import MAX_FUTURE
from rivulet.settings import option

if TYPE_CHECKING:
    from sinks.base import StoreSource

DEFAULT_STORE = "sqlite:///rivulet.db"
"""The store of every output for which none is named."""

NOWHERE = "none"

LONGEST_RETENTION = 36_500
"""Days."""


def open_sources(urls: Iterable[str]) -> list[StoreSource]:
    """The stores of an output; DEFAULT_STORE without a URL, and none for 'none'.

    Raises:
        SinkError: a URL names no store that Rivulet can write to.
    """
    from sinks.urls import open_source

    return [open_source(url) for url in chosen_urls(urls)]


def chosen_urls(urls: Iterable[str]) -> list[str]:
    """The URLs of an output's stores; DEFAULT_STORE without a URL, and none for 'none'."""
    chosen = list(dict.fromkeys(urls)) or [DEFAULT_STORE]
    return [url for url in chosen if url != NOWHERE]


class Retention(NamedTuple):
    """How long a store keeps rows.

    Attributes:
        url: the store's URL as the sinks' options name it; None for all stores.
        days: days of event time.
    """

    url: str | None
    days: int


def _retention(text: str) -> Retention:
    url, equals, days = text.rpartition("=")
    if not (days.isascii() and days.isdigit() and 1 <= int(days) <= LONGEST_RETENTION):
        # The text is not shown: it may hold a password.
        raise ValueError(f"it is [URL=]DAYS, with whole days from 1 to {LONGEST_RETENTION:,}")
    return Retention(url if equals else None, int(days))


@dataclass(frozen=True)
class RetentionSettings:
    """How long the stores keep rows.

    Attributes:
        retention: days of event time after which rows are removed, when the watermark has passed
            the next full hour; in Redis, days after a key's last write after which it expires. With
            URL= of the store of that URL alone; can be given several times.
    """

    retention: tuple[Retention, ...] = option(
        (), "[URL=]DAYS", parse=_retention, shown="for ever", secret=True
    )

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        urls = [each.url for each in self.retention]
        if len(set(urls)) < len(urls):
            return ["--retention is given twice for a store, or twice for all"]
        return []

    def seconds(self, url: str) -> int:
        """The retention of the store of a URL, 0 for ever."""
        days = {each.url: each.days for each in self.retention}
        return 86_400 * days.get(url, days.get(None, 0))


FOR_EVER = RetentionSettings()


def _limited(
    urls: Iterable[str],
    max_future: int,
    retention: RetentionSettings,
    consumed_max: int | None = None,
) -> list[StoreSource]:
    from sinks.base import DEFAULT_LIMITS, SinkError, StoreLimits

    found = []
    for url in chosen_urls(urls):
        (source,) = open_sources([url])
        seconds = retention.seconds(url)
        most = consumed_max or DEFAULT_LIMITS.consumed_max
        source = source.limited(StoreLimits(most, max_future, seconds))
        if source.retention != seconds:
            raise SinkError(f"{source.name}: --retention has no effect on this kind of store")
        found.append(source)
    return found


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
            for secrets from the environment, and ?prefix=shop_ for names of tables,
            collections and keys that other jobs do not use; can be given several times; 'none'
            for nowhere.
        consumed_max: distinct items of a user that MongoDB's userConsumed keeps, the earliest
            ones; 100,000 are a document of 3 MB, of the 16 MB that MongoDB allows.
    """

    record_sink: tuple[str, ...] = option((), "URL", shown=DEFAULT_STORE, secret=True)
    consumed_max: int = option(100_000, "ITEMS", least=1, most=400_000)

    @property
    def urls(self) -> tuple[str, ...]:
        """The stores' URLs as they were given."""
        return self.record_sink

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        return _problems(self.record_sink)

    def sources(
        self, max_future: int = MAX_FUTURE, retention: RetentionSettings = FOR_EVER
    ) -> list[StoreSource]:
        """The stores.

        Args:
            max_future: seconds after the clock up to which a stored time is valid.
            retention: how long the stores keep rows.
        """
        return _limited(self.record_sink, max_future, retention, self.consumed_max)


@dataclass(frozen=True)
class PopularSinkSettings:
    """Where the popular items go.

    Attributes:
        popular_sink: store for the popular items, as for --record_sink: an SQLAlchemy URL,
            mongodb:// or redis://; can be given several times; 'none' for nowhere.
    """

    popular_sink: tuple[str, ...] = option((), "URL", shown=DEFAULT_STORE, secret=True)

    @property
    def urls(self) -> tuple[str, ...]:
        """The stores' URLs as they were given."""
        return self.popular_sink

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        return _problems(self.popular_sink)

    def sources(
        self, max_future: int = MAX_FUTURE, retention: RetentionSettings = FOR_EVER
    ) -> list[StoreSource]:
        """The stores.

        Args:
            max_future: seconds after the clock up to which a stored time is valid.
            retention: how long the stores keep rows.
        """
        return _limited(self.popular_sink, max_future, retention)


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

    recommendation_sink: tuple[str, ...] = option((), "URL", shown=DEFAULT_STORE, secret=True)
    archive_delay: int = option(3, "SECONDS", least=0)

    @property
    def urls(self) -> tuple[str, ...]:
        """The stores' URLs as they were given."""
        return self.recommendation_sink

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        return _problems(self.recommendation_sink)

    def sources(
        self, max_future: int = MAX_FUTURE, retention: RetentionSettings = FOR_EVER
    ) -> list[StoreSource]:
        """The stores.

        Args:
            max_future: seconds after the clock up to which a stored time is valid.
            retention: how long the stores keep rows.
        """
        return _limited(self.recommendation_sink, max_future, retention)


@dataclass(frozen=True)
class DeadLetterSettings:
    """Where the dead letters go.

    Attributes:
        dead_letters: file for what could not be used: malformed lines, late events, rows that a
            store refused, a line of JSON each; or a folder of an object store, such as gs://B/F,
            which gets a file for each bundle.
        dead_letters_max: size at which the file is renamed to FILE.1 and a new one is begun; 0 for
            no limit; not for a folder of an object store.
        dead_letters_keep: renamed files that are kept; not for a folder of an object store.
        dead_letters_raw: size to which a dead letter's value (raw) is cut.
        redact: fields that are left out of the dead letters' values, separated by commas, such as
            user,email; values whose fields cannot be told apart are left out as a whole.
    """

    dead_letters: str = option("rivulet-dead-letters.jsonl", "FILE")
    dead_letters_max: int = option(1_000, "MB", least=0)
    dead_letters_keep: int = option(3, "FILES", least=0)
    dead_letters_raw: int = option(64, "KB", least=1)
    redact: tuple[str, ...] = option((), "FIELD,..", separated=True, shown="none")

    def max_bytes(self) -> int:
        """Bytes of a file, at the most; 0 for no limit."""
        return self.dead_letters_max * 1_000_000

    def raw_characters(self) -> int:
        """Characters of a value, at the most."""
        return self.dead_letters_raw * 1_000
