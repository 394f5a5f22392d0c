"""From a store's URL to its sink."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from sinks.base import SinkError, StoreSource
from sinks.names import public_name

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_STORE = "sqlite:///rivulet.db"
"""Where everything goes when no store is named."""


def with_secrets(url: str, environment: Mapping[str, str] = os.environ) -> str:
    """The URL with `${NAME}` replaced by the environment's variable NAME.

    Users, passwords and values of the query are percent-encoded here, not in the environment.

    Raises:
        SinkError: a variable is not set.
    """

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in environment:
            raise SinkError(f"{public_name(url)}: the environment variable {name} is not set")
        before, after = url[: match.start()], url[match.end() :]
        # A password may hold any character; a host or a whole URL is taken as it is.
        is_secret = "://" in before and ("@" in after or "?" in before)
        return quote(environment[name], safe="") if is_secret else environment[name]

    return re.sub(r"\$\{(\w+)\}", value, url)


def open_source(url: str) -> StoreSource:
    """The sink for a store's URL.

    Raises:
        SinkError: the URL is none of a store that Rivulet writes to.
    """
    full = with_secrets(url)
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
