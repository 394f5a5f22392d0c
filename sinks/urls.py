"""From a store's URL to its sink."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from sinks.base import SinkError, StoreSource

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_STORE = "sqlite:///rivulet.db"
"""Where everything goes when no store is named."""


def with_secrets(url: str, environment: Mapping[str, str] = os.environ) -> str:
    """The URL with `${NAME}` replaced by the environment's variable NAME.

    Raises:
        SinkError: a variable is not set.
    """

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in environment:
            raise SinkError(f"{url}: the environment variable {name} is not set")
        return environment[name]

    return re.sub(r"\$\{(\w+)\}", value, url)


def open_source(url: str) -> StoreSource:
    """The sink for a store's URL.

    Raises:
        SinkError: the URL is none of a store that Rivulet writes to.
    """
    full = with_secrets(url)
    scheme = full.split("://", 1)[0].split("+")[0].lower()
    if scheme in ("mongodb", "redis", "rediss"):
        raise SinkError(f"{scheme}:// is not there yet")
    try:
        make_url(full).get_dialect()
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ImportError) as error:
        raise SinkError(
            f"'{url.split('@')[-1]}' is no store that Rivulet can write to: take sqlite:///FILE, "
            "mysql+pymysql://USER:${PASSWORD}@HOST/DB, mongodb://HOST/DB or redis://HOST/0"
        ) from error
    from sinks.sql import SqlSource

    return SqlSource(full)
