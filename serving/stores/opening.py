"""From a URL to the reader of its store."""

from __future__ import annotations

from collections.abc import Sequence

from rivulet.urls import URLError, escape_credentials, with_secrets
from serving.stores.base import Reader, StoreURLError, public_name
from serving.stores.group import StoreGroup
from serving.stores.mongo import MongoReader
from serving.stores.redis import RedisReader
from serving.stores.sql import SQLReader


def open_reader(url: str, timeout: float) -> Reader:
    """The reader for a store's URL; nothing is connected yet.

    Args:
        url: as of spec section 6: SQLAlchemy's, mongodb:// or redis://; `${NAME}` in it is the
            environment's variable.
        timeout: seconds that a question may take.

    Raises:
        StoreURLError: the URL is none of these, or its driver is missing.
    """
    try:
        url = with_secrets(url)
        scheme = url.split("://", 1)[0].lower()
        if scheme not in ("mongodb", "mongodb+srv", "redis", "rediss"):
            url = escape_credentials(url)
    except URLError as error:
        raise StoreURLError(str(error)) from None
    if "://" not in url:
        raise StoreURLError(
            f"{public_name(url)} is no store's URL; it looks like sqlite:///rivulet.db, "
            "mysql+pymysql://HOST/DATABASE, mongodb://HOST/DATABASE or redis://HOST:6379/0"
        )
    if scheme in ("mongodb", "mongodb+srv"):
        return MongoReader(url, timeout)
    if scheme in ("redis", "rediss"):
        return RedisReader(url, timeout)
    return SQLReader(url, timeout)


def open_stores(urls: Sequence[str], timeout: float) -> StoreGroup:
    """All of the stores, in their order.

    Raises:
        StoreURLError: as `open_reader`.
    """
    return StoreGroup([open_reader(url, timeout) for url in urls], timeout)
