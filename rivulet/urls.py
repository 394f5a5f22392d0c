"""URLs that hold secrets: how messages name them, and secrets from the environment.

A password may hold any character, also '/', '?', '#', '@' and ':' that are not percent-encoded.
The credentials of a URL end at its last '@', unless that '@' may be part of the query.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote

from rivulet.errors import UserError


class URLError(UserError, ValueError):
    """A URL cannot be used: one line without secrets that says why and what to do."""


class _Parts(NamedTuple):
    """A URL in pieces.

    Attributes:
        scheme: with '://', empty where there is none.
        user: None where there are no credentials.
        password: None where there is none.
        rest: hosts, path and query; None where credentials and query cannot be told apart.
    """

    scheme: str
    user: str | None
    password: str | None
    rest: str | None


_LOOKS_LIKE_QUERY = re.compile(r"[^?#]*[?#](.*&)?[\w.-]+=", re.DOTALL)
_PLAIN_USER = re.compile(r"[^/?#@\s]*")
_NOT_AN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def _parse(url: str) -> _Parts:
    scheme, slashes, rest = url.partition("://")
    if not slashes:
        scheme, rest = "", url
    credentials, at, hosts = rest.rpartition("@")
    if not at or not (slashes or ":" in credentials):
        return _Parts(scheme + slashes, None, None, rest)
    user, colon, password = credentials.partition(":")
    if (not colon and "/" in credentials) or scheme.split("+")[0] in ("sqlite", "file"):
        return _Parts(scheme + slashes, None, None, rest)  # The '@' is in the path or query.
    in_query = re.search("[?#]", credentials) is not None
    if in_query and (not colon or "@" in credentials or _LOOKS_LIKE_QUERY.match(credentials)):
        return _Parts(scheme + slashes, None, None, None)
    return _Parts(scheme + slashes, user, password if colon else None, hosts)


def rest_of(url: str) -> str | None:
    """The end of a URL, after the scheme and the credentials: hosts, path and query.

    None where the credentials and the query cannot be told apart.
    """
    return _parse(url).rest


def public_name(url: str, show_user: bool = True) -> str:
    """The URL without what may be secret: the password, the query and the fragment.

    Args:
        url: a URL, or a path, which is returned as it is.
        show_user: keep the user's name; the password is `***` then.

    Returns:
        `scheme://user:***@hosts/path`, or `scheme://***` where the hosts cannot be told from the
        secrets.
    """
    parts = _parse(url)
    if parts.rest is None:
        return f"{parts.scheme}***"
    if not parts.scheme and parts.user is None:
        return url
    hosts = re.split("[?#]", parts.rest, maxsplit=1)[0]
    if parts.user is None or not show_user:
        return f"{parts.scheme}{hosts}"
    user = parts.user if _PLAIN_USER.fullmatch(parts.user) else "***"
    return f"{parts.scheme}{user}{'' if parts.password is None else ':***'}@{hosts}"


def escape_credentials(url: str) -> str:
    """The URL with its user and password percent-encoded; escapes in them stay as they are.

    Drivers then agree with `public_name` on where the password ends, so that none of them names a
    piece of it as a host.

    Raises:
        URLError: credentials and query cannot be told apart.
    """
    parts = _parse(url)
    if parts.rest is None:
        raise URLError(
            f"{public_name(url)}: it is not clear where the password ends; percent-encode it "
            "('@' is %40, '?' is %3F, '#' is %23, '/' is %2F), or name a variable of the "
            "environment, ${NAME}"
        )
    if parts.user is None:
        return url
    password = "" if parts.password is None else f":{_escape(parts.password)}"
    return f"{parts.scheme}{_escape(parts.user)}{password}@{parts.rest}"


def _escape(text: str) -> str:
    return quote(_NOT_AN_ESCAPE.sub("%25", text), safe="%")


def with_secrets(url: str, environment: Mapping[str, str] = os.environ) -> str:
    """The URL with each `${NAME}` replaced by the environment's variable NAME.

    In the user, the password and the query the value is percent-encoded. In the hosts, or as the
    whole URL, it is taken as it is.

    Raises:
        URLError: a variable is not set.
    """

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in environment:
            raise URLError(f"{public_name(url)}: the environment variable {name} is not set")
        before, after = url[: match.start()], url[match.end() :]
        encoded = "://" in before and ("@" in after or "?" in before)
        return quote(environment[name], safe="") if encoded else environment[name]

    return re.sub(r"\$\{(\w+)\}", value, url)
