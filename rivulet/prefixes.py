"""Prefixes of the names in a store, so that several jobs share one: `?prefix=shop_` in its URL."""

from __future__ import annotations

import re

from rivulet.urls import URLError, public_name, rest_of

_PREFIX = re.compile(r"(?!sqlite_)[a-z][a-z0-9_]{0,31}")
_KINDS = frozenset({"history", "recommendations", "popular", "job", "items"})
"""First parts of the names of keys in Redis: with one as a prefix, two names may be one."""


def split_prefix(url: str) -> tuple[str, str]:
    """The URL without its prefix, and the prefix; empty without one.

    Args:
        url: a store's URL, whose `${NAME}` are replaced.

    Raises:
        URLError: the prefix cannot be used.
    """
    rest = rest_of(url)
    if rest is None or "?" not in rest:
        return url, ""
    hosts, _, query = rest.partition("?")
    options = query.split("&")
    given = [each.partition("=")[2] for each in options if each.startswith("prefix=")]
    if not given:
        return url, ""
    if len(given) > 1:
        raise URLError(f"{public_name(url)}: its URL names two prefixes")
    (prefix,) = given
    word = prefix
    if url.lower().startswith(("redis://", "rediss://")):
        word = prefix.removesuffix(":")
        if prefix.endswith(":") and word in _KINDS:
            word = ""  # "history:" before "history:7" would be the key of another job's user.
    if not _PREFIX.fullmatch(word):
        raise URLError(
            f"{public_name(url)}: prefix={prefix[:40]!r} is none: it begins with a letter from a "
            "to z, then come up to 31 of these letters, digits and '_', as shop_ has them; in "
            "Redis a ':' may be its end, but not after the word of a kind of keys, as history:"
        )
    left = "&".join(each for each in options if not each.startswith("prefix="))
    before = url[: len(url) - len(rest)]
    return before + hosts + (f"?{left}" if left else ""), prefix


def store_name(url: str, show_user: bool = True) -> str:
    """A store's URL without what may be secret, with its prefix: stores may differ in it alone.

    Args:
        url: the URL.
        show_user: keep the user's name.
    """
    try:
        _, prefix = split_prefix(url)
    except URLError:
        prefix = ""
    return public_name(url, show_user) + (f"?prefix={prefix}" if prefix else "")
