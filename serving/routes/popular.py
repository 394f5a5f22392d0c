"""Popular items."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, Response

from serving.http.error_responses import DOWN, INVALID, NOT_CHANGED, NOT_FOUND
from serving.http.replies import reply
from serving.queries.catalogue import NoCatalogueError
from serving.schemas import ID_BYTES
from serving.schemas.popular import Popular, PopularWindows
from serving.state import Shared

router = APIRouter(tags=["popular items"], responses=NOT_FOUND | DOWN | INVALID | NOT_CHANGED)

_MAX_WINDOWS = 500


@router.get("/popular", response_model=Popular)
async def popular(
    request: Request,
    shared: Shared,
    window_end: Annotated[
        int | None, Query(ge=0, lt=2**62, description="End of a window; by default the latest")
    ] = None,
    category: Annotated[
        str | None,
        Query(
            description="Only items of this category of the catalogue, of those that the window's "
            "ranking has (the job's --popular_size); ranks are those of all items",
            min_length=1,
            max_length=ID_BYTES,
        ),
    ] = None,
) -> Response:
    """The most popular items of a window, with their ranks in the previous window."""
    try:
        found = await shared.queries.popular(window_end, category)
    except NoCatalogueError as error:
        raise HTTPException(422, str(error)) from error
    if found is None:
        which = "" if window_end is None else f" that ends at {window_end}"
        raise HTTPException(404, f"no store has a window of popular items{which}")
    return reply(request, found)


@router.get("/popular/windows", response_model=PopularWindows)
async def windows(
    request: Request,
    shared: Shared,
    count: Annotated[
        int, Query(ge=1, le=_MAX_WINDOWS, description="Windows to return at most")
    ] = 30,
) -> Response:
    """The latest windows of popular items, oldest first (Redis has one)."""
    found = await shared.queries.popular_windows(count)
    if found is None:
        raise HTTPException(404, "no store has a window of popular items")
    return reply(request, found)
