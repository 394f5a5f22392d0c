"""On-demand inference with the job's policies."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Request, Response

from serving.http.error_responses import DOWN, INVALID, NOT_CHANGED, NOT_FOUND, Problem
from serving.http.replies import encode, reply
from serving.models.batcher import RankRequest
from serving.models.inference_model import (
    IdKindError,
    InferenceModel,
    StateSizeError,
    histories_request,
    states_request,
)
from serving.schemas.health import Models
from serving.schemas.inference import HistoriesInput, RankResponse, StatesInput
from serving.state import Shared

_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The body is not UTF-8"},
    405: {"model": Problem, "description": "The address is another one, which takes no POST"},
    408: {"model": Problem, "description": "The request did not arrive in time"},
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
"""First parts of addresses that are not models."""

Algorithm = Annotated[
    str,
    Path(
        description="A model's name, see GET /models: by default its algorithm",
        max_length=64,
        examples=["reinforce", "ddpg", "bcq"],
    ),
]


async def _find_model(request: Request, shared: Shared, algorithm: Algorithm) -> InferenceModel:
    """The requested model; found before the body is validated, so that 404 precedes 422."""
    model = await shared.models.find(algorithm)
    if model:
        return model
    if algorithm in ADDRESSES:
        raise HTTPException(405, f"/{algorithm} takes no POST", {"Allow": "GET"})
    known = ", ".join(shared.models.names()) or "none"
    raise HTTPException(404, f"no model {algorithm!r} is loaded (loaded: {known})")


RequestedModel = Annotated[InferenceModel, Depends(_find_model)]


@router.get("/models", response_model=Models, responses=NOT_CHANGED)
async def models(request: Request, shared: Shared) -> Response:
    """The models that rank on demand."""
    return reply(request, Models(await shared.models.models()))


@router.post(
    "/{algorithm}", response_model=RankResponse, responses=NOT_FOUND | INVALID | DOWN | _ERRORS
)
async def rank(model: RequestedModel, shared: Shared, given: HistoriesInput) -> Response:
    """Ranks for users by their histories, as the job does."""
    size = await shared.queries.job_setting("history_size") or model.history
    try:
        request = await shared.threads.run(lambda: histories_request(given, size, model.ids))
    except IdKindError as error:
        raise HTTPException(422, str(error)) from error
    return await _answer(model, given.user, request)


@router.post(
    "/{algorithm}/state",
    response_model=RankResponse,
    responses=NOT_FOUND | INVALID | DOWN | _ERRORS,
)
async def rank_states(model: RequestedModel, shared: Shared, given: StatesInput) -> Response:
    """Ranks for users by their states, as the model's encoder computes them."""
    try:
        request = await shared.threads.run(lambda: states_request(given))
        return await _answer(model, given.user, request)
    except StateSizeError as error:
        raise HTTPException(422, str(error)) from error


async def _answer(model: InferenceModel, users: list[int | str], request: RankRequest) -> Response:
    answer = await model.rank(users, request)
    return Response(
        encode(answer), headers={"Cache-Control": "no-store"}, media_type="application/json"
    )
