"""Lists for anonymous visits."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Response

from serving.http.error_responses import BODY, DOWN, INVALID, ON_DEMAND
from serving.http.replies import encode
from serving.on_demand.lists import Wanted
from serving.queries.catalogue import NoCatalogueError
from serving.routes.ids import check_items
from serving.schemas.session import SessionInput
from serving.schemas.users import Recommendation
from serving.state import Shared

router = APIRouter(tags=["on demand"])


@router.post("/session", response_model=Recommendation, responses=DOWN | INVALID | BODY | ON_DEMAND)
async def session(shared: Shared, given: SessionInput) -> Response:
    """A list for an anonymous visit, as the stream makes it for a user whom no model knows.

    Nothing of the visit is stored. With fewer items than the job's --min_history, and where the
    policy gives fewer, popular items complete the list.
    """
    await check_items(shared, [*given.item, *given.exclude])
    wanted = Wanted(
        given.size, given.category, tuple(given.exclude), fallback=given.fallback is not None
    )
    try:
        found = await shared.on_demand.visit(given.item, wanted)
    except NoCatalogueError as error:
        raise HTTPException(422, str(error)) from error
    return Response(
        encode(found), headers={"Cache-Control": "no-store"}, media_type="application/json"
    )
