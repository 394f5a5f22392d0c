"""Users: their events, their recommendations and the outcomes."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response

from serving.http.error_responses import DOWN, INVALID, NOT_CHANGED, NOT_FOUND
from serving.http.replies import reply
from serving.schemas import ID_BYTES, Id, is_id_text
from serving.schemas.users import History, Recommendations, Users
from serving.state import Shared
from transforms.messages.id_kinds import TEXT

router = APIRouter(tags=["users"], responses=NOT_FOUND | DOWN | INVALID | NOT_CHANGED)


async def _user(
    shared: Shared,
    user: Annotated[
        str,
        Path(
            description="The user's id, as the job's input has it: an integer of 64 bits, or text "
            "of up to 256 bytes, percent-encoded",
            min_length=1,
            max_length=ID_BYTES,
        ),
    ],
) -> Id:
    """The user of the address, of the kind that the job's users have."""
    if (await shared.queries.ids()).user == TEXT:
        if is_id_text(user):
            return user
        raise HTTPException(
            404, "there is no such user: ids are 256 bytes without control characters"
        )
    if _INTEGER.fullmatch(user) and -(2**63) <= int(user) < 2**63:
        return int(user)
    raise HTTPException(404, "there is no such user: the job's users are integers of 64 bits")


_INTEGER = re.compile(r"[+-]?[0-9]{1,20}", re.ASCII)

User = Annotated[Id, Depends(_user)]
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


@router.get("/users/{user:path}/recommendations", response_model=Recommendations)
async def recommendations(
    request: Request,
    shared: Shared,
    user: User,
    limit: Limit = 20,
    offset: Offset = 0,
    outcomes: Annotated[
        bool,
        Query(
            description="Add the user's best rewarded event on each item within the job's reward "
            "window"
        ),
    ] = False,
) -> Response:
    """A user's recommendations, newest first (Redis has the latest)."""
    found = await shared.queries.recommendations(user, limit, offset, outcomes)
    if found is None:
        raise HTTPException(404, f"no store has a recommendation for user {user}{_after(offset)}")
    # Who asks for outcomes looks back, and shows nothing to the user.
    if shared.impressions is not None and not offset and not outcomes and found.recommendations:
        shared.impressions.show(user, found.recommendations[0].time)
    return reply(request, found)


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
