"""Users: their events, their recommendations and the outcomes."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query, Request, Response

from serving.http.error_responses import DOWN, INVALID, NOT_CHANGED, NOT_FOUND, ON_DEMAND
from serving.http.replies import reply
from serving.on_demand.lists import Wanted
from serving.queries.catalogue import NoCatalogueError
from serving.routes.ids import User, items_of
from serving.schemas import ID_BYTES
from serving.schemas.inference import MAX_EXCLUDED, MAX_ITEMS
from serving.schemas.users import History, Recommendations, Users
from serving.state import Services, Shared

router = APIRouter(tags=["users"], responses=NOT_FOUND | DOWN | INVALID | NOT_CHANGED)


_LISTS = 20
Limit = Annotated[int, Query(ge=1, le=500, description="Rows to return at most")]
Offset = Annotated[int, Query(ge=0, le=1_000_000, description="Rows to skip")]


@router.get("/users", response_model=Users)
async def users(
    request: Request, shared: Shared, limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> Response:
    """Some users with a recommendation, the latest first where the store has their order."""
    found = await shared.queries.users(limit)
    if found is None:
        raise HTTPException(404, "no store has a recommendation")
    return reply(request, found)


@router.get(
    "/users/{user:path}/recommendations", response_model=Recommendations, responses=ON_DEMAND
)
async def recommendations(
    request: Request,
    shared: Shared,
    user: User,
    limit: Annotated[
        int | None,
        Query(
            ge=1,
            le=500,
            description="Lists to return at most, by default 20; of a list by request its items, "
            "at most 100 and by default as many as the job's lists have",
        ),
    ] = None,
    offset: Offset = 0,
    outcomes: Annotated[
        bool,
        Query(
            description="Add the user's best rewarded event on each item within the job's reward "
            "window"
        ),
    ] = False,
    fresh: Annotated[
        bool,
        Query(description="A list by request: rank now, from the stored history, as the stream"),
    ] = False,
    fallback: Annotated[
        Literal["popular"] | None,
        Query(description="A list by request: popular items complete it, or stand in for it"),
    ] = None,
    category: Annotated[
        str | None,
        Query(
            description="A list by request: only items of this category of the catalogue",
            min_length=1,
            max_length=ID_BYTES,
        ),
    ] = None,
    exclude: Annotated[
        list[Annotated[str, Query(min_length=1, max_length=ID_BYTES)]] | None,
        Query(
            description="A list by request: an item that it must not have; can be given several "
            "times",
            max_length=MAX_EXCLUDED,
        ),
    ] = None,
) -> Response:
    """A user's recommendations, newest first (Redis has the latest).

    With `fresh`, `fallback`, `category` or `exclude` the answer is one list by request, for now.
    """
    if fresh or fallback or category is not None or exclude:
        if offset or outcomes or (limit or 0) > MAX_ITEMS:
            raise HTTPException(
                422,
                "a list by request (fresh, fallback, category, exclude) is one list for now: it "
                f"takes no offset and no outcomes, and a limit of up to {MAX_ITEMS} items",
            )
        wanted = Wanted(
            limit, category, await items_of(shared, exclude or ()), fallback=fallback is not None
        )
        return reply(request, await _by_request(shared, user, wanted, fresh=fresh))
    found = await shared.queries.recommendations(user, limit or _LISTS, offset, outcomes)
    if found is None:
        raise HTTPException(404, f"no store has a recommendation for user {user}{_after(offset)}")
    # Who asks for outcomes looks back, and shows nothing to the user.
    if shared.impressions is not None and not offset and not outcomes and found.recommendations:
        shared.impressions.show(user, found.recommendations[0].time)
    return reply(request, found)


async def _by_request(
    shared: Services, user: User, wanted: Wanted, *, fresh: bool
) -> Recommendations:
    make = shared.on_demand.fresh if fresh else shared.on_demand.stored
    try:
        found = await make(user, wanted)
    except NoCatalogueError as error:
        raise HTTPException(422, str(error)) from error
    if found is None:
        what = "an event or a popular item" if fresh else "a recommendation"
        raise HTTPException(404, f"no store has {what} for user {user}")
    made, store = found
    # A list that is ranked now is none of the job's: no event can be credited to it.
    if shared.impressions is not None and not fresh and made.items and not made.fallback:
        shared.impressions.show(user, made.time)
    return Recommendations(user, [made], None, store)


@router.get("/users/{user:path}/history", response_model=History)
async def history(
    request: Request, shared: Shared, user: User, limit: Limit = 50, offset: Offset = 0
) -> Response:
    """A user's events, newest first (Redis has the last items)."""
    found = await shared.queries.history(user, limit, offset)
    if found is None:
        raise HTTPException(404, f"no store has an event of user {user}{_after(offset)}")
    return reply(request, found)


def _after(offset: int) -> str:
    return f" after the first {offset}" if offset else ""
