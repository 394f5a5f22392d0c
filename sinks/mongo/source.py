"""From a MongoDB URL to a MongoDB store."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from pymongo import MongoClient
from pymongo.errors import ConfigurationError, InvalidURI
from pymongo.uri_parser import parse_uri

from rivulet.prefixes import split_prefix, store_name
from rivulet.urls import URLError
from sinks.base import DEFAULT_LIMITS, SinkError, StoreLimits, StoreSource
from sinks.mongo.documents import Document
from sinks.mongo.store import ACCEPTED, MongoStore
from transforms.messages.id_kinds import INTEGERS, IdKinds
from transforms.messages.record_fields import NO_FIELDS, RecordFields

ANSWER_MS = 120_000
"""Milliseconds that a server may take for a bulk."""
SELECTION_MS = 5_000
"""Milliseconds that the client looks for a server before a call fails."""


@dataclass(frozen=True, repr=False)
class MongoSource(StoreSource):
    """A `mongodb://` or `mongodb+srv://` URL. Without a database it is the database `rivulet`.

    Attributes:
        url: the URL, with the password; `?prefix=` is before the names of the collections.
        limits: of what a document keeps.
        ids: the kinds of ids.
        fields: what records have beside an event's four fields.

    Raises:
        SinkError: pymongo does not accept the URL.
    """

    url: str
    limits: StoreLimits = DEFAULT_LIMITS
    ids: IdKinds = INTEGERS
    fields: RecordFields = NO_FIELDS

    def __post_init__(self) -> None:
        # mongodb+srv:// needs a look-up in the DNS: it is parsed on the worker.
        with self._errors():
            url, _ = split_prefix(self.url)
            if url.lower().startswith("mongodb://"):
                parse_uri(url)

    @property
    def name(self) -> str:
        """The URL without secrets."""
        return store_name(self.url)

    @property
    def retention(self) -> int:
        """Seconds for which rows are kept."""
        return self.limits.retention

    def accepts(self, message_type: type[Any]) -> bool:
        """Whether there is a collection for such messages."""
        return message_type in ACCEPTED

    def limited(self, limits: StoreLimits) -> MongoSource:
        """The same source with other limits."""
        return replace(self, limits=limits)

    def with_ids(self, ids: IdKinds) -> MongoSource:
        """The same source for ids of these kinds."""
        return replace(self, ids=ids)

    def with_fields(self, fields: RecordFields) -> MongoSource:
        """The same source for records with these fields."""
        return replace(self, fields=fields)

    def open(self) -> MongoStore:
        """Opens the store with a client of its own.

        Raises:
            SinkError: pymongo does not accept the URL.
        """
        with self._errors():
            url, prefix = split_prefix(self.url)
            # With journal=True a write that was acknowledged survives a crash of the server.
            client: MongoClient[Document] = MongoClient(
                url,
                journal=True,
                serverSelectionTimeoutMS=SELECTION_MS,
                socketTimeoutMS=ANSWER_MS,
                appname="rivulet",
            )
            return MongoStore(self.name, client, self.limits, self.ids, self.fields, prefix)

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except URLError as error:
            raise SinkError(str(error)) from None
        except (InvalidURI, ConfigurationError, ValueError) as error:
            raise SinkError(f"{self.name} is no MongoDB URL: {error}") from None

    def __repr__(self) -> str:
        return f"MongoSource({self.name})"
