"""Schemas of the API's requests and responses.

Times are whole seconds since the epoch, UTC. Responses are dataclasses, not Pydantic models: the
server makes them itself and writes them to JSON without validating them again.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

Seconds = Annotated[int, Field(description="Seconds since the epoch, UTC")]
NextOffset = Annotated[int | None, Field(description="offset of the next page; null at the end")]

ID_BYTES = 256
"""Longest id that is text, in bytes of UTF-8."""

Id = int | str
"""An id of a user or an item: an integer of 64 bits, or text, as the job's input has them."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def is_id_text(text: str) -> bool:
    """Whether a text can be an id: 1 to ID_BYTES bytes of UTF-8 without control characters."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return False
    return 0 < size <= ID_BYTES and not _CONTROL.search(text)
