"""Which kind of store a URL names. The built-in kinds are registered here, others as plugins."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint

from rivulet.plugins import PluginError, Plugins
from rivulet.urls import URLError, public_name, with_secrets
from sinks.base import SinkError, StoreSource

GROUP = "rivulet.sinks"
"""Entry points of this group add kinds of stores: the name is a URL's scheme."""

Factory = Callable[[str], StoreSource]
"""Makes a source from a URL; raises SinkError where the URL cannot be used."""

_BUILT_IN = {
    "mongodb": "sinks.mongo.source:MongoSource",
    "mongodb+srv": "sinks.mongo.source:MongoSource",
    "redis": "sinks.redis.source:RedisSource",
    "rediss": "sinks.redis.source:RedisSource",
}
STORES = Plugins(GROUP, _BUILT_IN)
_OTHERS = "sinks.sql.source:sql_source"
"""SQLAlchemy's URLs, whose schemes its own plugins add to."""


def open_source(url: str) -> StoreSource:
    """The source for a store's URL; nothing is connected yet.

    Args:
        url: a store's URL; `${NAME}` in it is the environment's variable.

    Raises:
        SinkError: the URL names no store that Rivulet can write to.
    """
    try:
        full = with_secrets(url)
    except URLError as error:
        raise SinkError(str(error)) from None
    return _factory(full)(full)


def _factory(url: str) -> Factory:
    scheme = url.partition("://")[0].lower()
    try:
        found: Factory | None = STORES.find(scheme)
    except PluginError as error:
        raise SinkError(
            f"{public_name(url)}: the plugin for '{scheme}://' cannot be used: {error}"
        ) from error
    if found is None:
        found = EntryPoint("", _OTHERS, GROUP).load()
    return found
