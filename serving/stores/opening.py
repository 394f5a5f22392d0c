"""From a URL to the reader of its store."""

from __future__ import annotations

from collections.abc import Sequence

from rivulet.prefixes import split_prefix
from rivulet.urls import URLError, escape_credentials, with_secrets
from serving.stores.base import Horizon, Reader, StoreURLError, public_name
from serving.stores.group import StoreGroup


def open_reader(url: str, timeout: float, horizon: Horizon) -> Reader:
    """The reader for a store's URL; nothing is connected yet.

    Only the driver of this kind of store is imported.

    Args:
        url: an SQLAlchemy URL, mongodb:// or redis://; `${NAME}` in it is replaced by the
            environment variable NAME, and `?prefix=` is before the names in the store.
        timeout: seconds that a query may take.
        horizon: the largest time that is shown.

    Raises:
        StoreURLError: the URL is none of these, or its driver is not installed.
    """
    try:
        url = escape_credentials(with_secrets(url))
        split_prefix(url)
    except URLError as error:
        raise StoreURLError(str(error)) from None
    scheme, separator, _ = url.partition("://")
    if not separator:
        raise StoreURLError(
            f"{public_name(url)} is no store's URL; it looks like sqlite:///rivulet.db, "
            "mysql+pymysql://HOST/DATABASE, postgresql+psycopg://HOST/DATABASE, "
            "mongodb://HOST/DATABASE or redis://HOST:6379/0"
        )
    try:
        if scheme.lower() in ("mongodb", "mongodb+srv"):
            from serving.stores.mongo import MongoReader

            return MongoReader(url, timeout, horizon)
        if scheme.lower() in ("redis", "rediss"):
            from serving.stores.redis import RedisReader

            return RedisReader(url, timeout, horizon)
        from serving.stores.sql.reader import SQLReader
    except ModuleNotFoundError as error:
        raise StoreURLError(f"{public_name(url)} needs the Python package {error.name}") from error
    return SQLReader(url, timeout, horizon)


def open_stores(urls: Sequence[str], timeout: float, horizon: Horizon) -> StoreGroup:
    """All of the stores, in their order.

    Raises:
        StoreURLError: see `open_reader`.
    """
    return StoreGroup([open_reader(url, timeout, horizon) for url in urls], timeout)
