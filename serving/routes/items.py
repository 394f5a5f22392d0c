"""Items of the catalogue."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response

from serving.http.error_responses import DOWN, INVALID, NOT_CHANGED, NOT_FOUND
from serving.http.replies import reply
from serving.schemas import ID_BYTES, is_id_text
from serving.schemas.items import Item, Items, ShownItem
from serving.state import Shared

router = APIRouter(tags=["items"], responses=DOWN | INVALID | NOT_CHANGED)

_MOST = 100


@router.get("/items/{item:path}", response_model=Item, responses=NOT_FOUND)
async def item(
    request: Request,
    shared: Shared,
    item: Annotated[str, Path(min_length=1, max_length=ID_BYTES)],
) -> Response:
    """An item of the catalogue that the job was started with (`--items`)."""
    if not is_id_text(item):
        raise HTTPException(
            404, f"there is no such item: ids are {ID_BYTES} bytes without control characters"
        )
    found = await shared.queries.items([item])
    if item not in found:
        raise HTTPException(404, "no store has this item of a catalogue")
    return reply(request, found[item])


@router.get("/items", response_model=Items)
async def items(
    request: Request,
    shared: Shared,
    item: Annotated[
        list[Annotated[str, Query(min_length=1, max_length=ID_BYTES)]],
        Query(min_length=1, max_length=_MOST, description="An item; can be given several times"),
    ],
) -> Response:
    """Those of some items that the catalogue has, as the page shows them."""
    # A text that is no id is an item that no store has.
    found = await shared.queries.items([each for each in item if is_id_text(each)])
    hosts = shared.settings.picture_host
    return reply(
        request,
        Items(
            [
                ShownItem(each.item, each.title, each.price, _picture(each, hosts))
                for each in found.values()
            ]
        ),
    )


def _picture(item: Item, hosts: tuple[str, ...]) -> str | None:
    """The item's image, where the page may load it."""
    try:
        parts = urlsplit(item.image or "")
    except ValueError:
        return None
    return item.image if parts.scheme == "https" and parts.netloc in hosts else None
