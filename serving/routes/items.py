"""Items of the catalogue."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Request, Response

from serving.http.error_responses import DOWN, INVALID, NOT_CHANGED, NOT_FOUND
from serving.http.replies import reply
from serving.schemas.items import Item
from serving.state import Shared

router = APIRouter(tags=["items"], responses=NOT_FOUND | DOWN | INVALID | NOT_CHANGED)


@router.get("/items/{item:path}", response_model=Item)
async def item(
    request: Request, shared: Shared, item: Annotated[str, Path(min_length=1, max_length=256)]
) -> Response:
    """An item of the catalogue that the job was started with (`--items`)."""
    found = await shared.queries.items([item])
    if item not in found:
        raise HTTPException(404, "no store has this item of a catalogue")
    return reply(request, found[item])
