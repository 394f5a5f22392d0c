"""Items that are similar to an item."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, Response

from rivulet.limits import RECOMMENDATIONS
from serving.http.error_responses import DOWN, INVALID, LONG_ADDRESS, NOT_CHANGED, NOT_FOUND
from serving.http.replies import reply
from serving.on_demand.similar import UnknownItemError, WantedItems
from serving.queries.catalogue import NoCatalogueError
from serving.routes.ids import Item, items_of
from serving.schemas import ID_BYTES
from serving.schemas.inference import MAX_EXCLUDED, MAX_ITEMS
from serving.schemas.items import By, SimilarItems
from serving.state import Shared

router = APIRouter(tags=["items"], responses=DOWN | INVALID | NOT_CHANGED)


@router.get(
    "/items/{item:path}/similar", response_model=SimilarItems, responses=NOT_FOUND | LONG_ADDRESS
)
async def similar(
    request: Request,
    shared: Shared,
    item: Item,
    by: Annotated[
        By,
        Query(
            description="similar: the embeddings of a model; bought, viewed: what users bought or "
            "looked at together, as the job counts it (--related)"
        ),
    ] = "similar",
    limit: Annotated[
        int, Query(ge=1, le=MAX_ITEMS, description="Items to return at most")
    ] = RECOMMENDATIONS,
    category: Annotated[
        str | None,
        Query(
            description="Only items of this category of the catalogue",
            min_length=1,
            max_length=ID_BYTES,
        ),
    ] = None,
    exclude: Annotated[
        list[Annotated[str, Query(min_length=1, max_length=ID_BYTES)]] | None,
        Query(
            description="An item that the list must not have; can be given several times",
            max_length=MAX_EXCLUDED,
        ),
    ] = None,
    model: Annotated[
        str | None,
        Query(
            description="by=similar: the model that compares, see GET /models; by default the "
            "first one",
            max_length=64,
        ),
    ] = None,
) -> Response:
    """The items that are most like an item, by a model or by what users do, best first.

    With a catalogue no item that is not available is in the list.
    """
    if model is not None and by != "similar":
        raise HTTPException(422, f"by={by} is of no model: leave out model")
    wanted = WantedItems(limit, category, await items_of(shared, exclude or ()), by, model)
    try:
        found = await shared.similar.similar(item, wanted)
    except UnknownItemError as error:
        raise HTTPException(404, str(error)) from error
    except NoCatalogueError as error:
        raise HTTPException(422, str(error)) from error
    return reply(request, found)
