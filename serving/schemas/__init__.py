"""Schemas of the API's requests and responses.

Times are whole seconds since the epoch, UTC. Responses are dataclasses, not Pydantic models: the
server makes them itself and writes them to JSON without validating them again.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Seconds = Annotated[int, Field(description="Seconds since the epoch, UTC")]
NextOffset = Annotated[int | None, Field(description="offset of the next page; null at the end")]
