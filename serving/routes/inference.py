"""On-demand inference: the stream's policies for whoever asks."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Request, Response

from serving.http.error_responses import DOWN, INVALID, NOT_CHANGED, NOT_FOUND, Problem
from serving.http.replies import encode, reply
from serving.models.batcher import BusyError
from serving.models.manager import (
    InferenceModel,
    StateSizeError,
    histories_question,
    states_question,
)
from serving.schemas.requests import HistoriesInput, StatesInput
from serving.schemas.responses import Models, Ranked
from serving.state import Shared

_LIMITS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The body is no UTF-8"},
    405: {"model": Problem, "description": "The address is another one, and takes no POST"},
    413: {"model": Problem, "description": "The request is too large"},
}
router = APIRouter(tags=["inference"])

ADDRESSES = frozenset(
    {
        "popular",
        "users",
        "models",
        "policies",
        "activity",
        "job",
        "dead_letters",
        "health",
        "metrics",
    }
    | {"docs", "openapi.json", "events", "graph.svg"}
)
"""Addresses of one part that are no model's."""

Algorithm = Annotated[
    str,
    Path(
        description="A model's name, see GET /models: by default its algorithm",
        max_length=64,
        examples=["reinforce", "ddpg", "bcq"],
    ),
]


async def _served(request: Request, shared: Shared, algorithm: Algorithm) -> InferenceModel:
    """The model asked for; found before the body is looked at, so that 404 comes before 422."""
    served = await shared.models.find(algorithm)
    if served:
        return served
    if algorithm in ADDRESSES:
        raise HTTPException(405, f"/{algorithm} takes no POST", {"Allow": "GET"})
    known = ", ".join(shared.models.names()) or "none"
    raise HTTPException(404, f"no model {algorithm!r} is loaded (loaded: {known})")


Asked = Annotated[InferenceModel, Depends(_served)]


@router.get("/models", response_model=Models, responses=NOT_CHANGED)
async def models(request: Request, shared: Shared) -> Response:
    """The models that rank on demand."""
    return reply(request, Models(await shared.models.models()))


@router.post("/{algorithm}", response_model=Ranked, responses=NOT_FOUND | INVALID | DOWN | _LIMITS)
async def rank(served: Asked, given: HistoriesInput) -> Response:
    """Ranks for users by their histories, as the stream does."""
    return await _answer(served.rank(given.user, histories_question(given)))


@router.post(
    "/{algorithm}/state", response_model=Ranked, responses=NOT_FOUND | INVALID | DOWN | _LIMITS
)
async def rank_states(served: Asked, given: StatesInput) -> Response:
    """Ranks for users by their states, as the model's encoder makes them."""
    try:
        return await _answer(served.rank(given.user, states_question(given)))
    except StateSizeError as error:
        raise HTTPException(422, str(error)) from error


async def _answer(ranked: Awaitable[Ranked]) -> Response:
    try:
        answer = await ranked
    except BusyError:
        raise HTTPException(503, "too much waits to be ranked", {"Retry-After": "1"}) from None
    return Response(
        encode(answer), headers={"Cache-Control": "no-store"}, media_type="application/json"
    )
