"""What messages may say of a URL."""

from __future__ import annotations

import re


def public_name(url: str) -> str:
    """The URL without what may be secret: the password, and all of the query."""
    bare = url.split("?", 1)[0]
    scheme, slashes, rest = bare.partition("://")
    user_info, at, host = rest.rpartition("@")
    if at:
        user_info = re.sub(r":.*", ":***", user_info, flags=re.DOTALL)
    return f"{scheme}{slashes}{user_info}{at}{host}"
