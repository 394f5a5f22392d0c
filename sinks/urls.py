"""From a store's URL to its sink."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from rivulet.urls import URLError, escape_credentials, public_name, with_secrets
from sinks.base import SinkError, StoreSource

DEFAULT_STORE = "sqlite:///rivulet.db"
"""Where everything goes when no store is named."""


def open_source(url: str) -> StoreSource:
    """The sink for a store's URL.

    Raises:
        SinkError: the URL is none of a store that Rivulet writes to.
    """
    try:
        full = with_secrets(url)
    except URLError as error:
        raise SinkError(str(error)) from None
    scheme = full.split("://", 1)[0].split("+")[0].lower()
    if scheme == "mongodb":
        from sinks.mongo.store import MongoSource

        return MongoSource(full)
    if scheme in ("redis", "rediss"):
        from sinks.redis.store import RedisSource

        return RedisSource(full)
    return _open_sql(full)


def _open_sql(url: str) -> StoreSource:
    from sinks.sql.store import SqlSource
    from sinks.sql.upserts import check_dialect

    name = public_name(url)
    try:
        url = escape_credentials(url)
    except URLError as error:
        raise SinkError(str(error)) from None
    try:
        parts = make_url(url)
        dialect = parts.get_dialect()
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ValueError) as error:
        raise SinkError(
            f"'{name}' is no store that Rivulet can write to: take sqlite:///FILE, "
            "mysql+pymysql://USER:${PASSWORD}@HOST/DB, mongodb://HOST/DB or redis://HOST/0"
        ) from error
    check_dialect(dialect.name)
    if dialect.name == "sqlite" and parts.database in (None, "", ":memory:"):
        raise SinkError(f"'{name}' names no file, as sqlite:///rivulet.db does")
    try:
        dialect.import_dbapi()
    except ImportError as error:
        raise SinkError(
            f"{name}: its driver '{error.name}' is not installed (for MySQL and MariaDB, "
            "mysql+pymysql:// comes with Rivulet)"
        ) from error
    return SqlSource(url)
