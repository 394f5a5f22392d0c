"""On-demand inference with the job's policies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Request, Response

from serving.http.error_responses import BODY, DOWN, INVALID, NOT_CHANGED, NOT_FOUND, Problem
from serving.http.replies import encode, reply
from serving.models.batcher import RankRequest
from serving.models.inference_model import (
    IdKindError,
    InferenceModel,
    StateSizeError,
    histories_request,
    states_request,
)
from serving.on_demand.offered import rank_offered
from serving.queries.catalogue import NoCatalogueError
from serving.schemas.health import Models
from serving.schemas.inference import HistoriesInput, RankResponse, StatesInput
from serving.state import Services, Shared

_ERRORS: dict[int | str, dict[str, Any]] = BODY | {
    405: {"model": Problem, "description": "The address is another one, which takes no POST"},
}
router = APIRouter(tags=["inference"])

ADDRESSES = frozenset(
    {
        "popular",
        "users",
        "items",
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
    """Ranks for users by their histories, as the job does.

    With a catalogue no list has an item that is not available.
    """
    size = await shared.queries.job_setting("history_size") or model.history

    def request_of(length: int) -> RankRequest:
        return histories_request(given.model_copy(update={"size": length}), size, model.ids)

    try:
        return await _answer(shared, model, given, request_of)
    except (IdKindError, NoCatalogueError) as error:
        raise HTTPException(422, str(error)) from error


@router.post(
    "/{algorithm}/state",
    response_model=RankResponse,
    responses=NOT_FOUND | INVALID | DOWN | _ERRORS,
)
async def rank_states(model: RequestedModel, shared: Shared, given: StatesInput) -> Response:
    """Ranks for users by their states, as the model's encoder computes them.

    With a catalogue no list has an item that is not available.
    """

    def request_of(length: int) -> RankRequest:
        return states_request(given.model_copy(update={"size": length}))

    try:
        return await _answer(shared, model, given, request_of)
    except (StateSizeError, NoCatalogueError) as error:
        raise HTTPException(422, str(error)) from error


async def _answer(
    shared: Services,
    model: InferenceModel,
    given: HistoriesInput | StatesInput,
    request_of: Callable[[int], RankRequest],
) -> Response:
    """The lists, less what may not be shown."""
    users = given.user
    catalogue = shared.queries.catalogue

    async def rank(size: int) -> RankResponse:
        return await model.rank(users, await shared.threads.run(lambda: request_of(size)))

    if given.exclude or given.category is not None or await catalogue.exists():
        answer = await rank_offered(
            rank,
            given.size,
            len(users),
            set(map(str, given.exclude)),
            lambda items: catalogue.offered(items, given.category),
        )
    else:
        answer = await rank(given.size)
    return Response(
        encode(answer), headers={"Cache-Control": "no-store"}, media_type="application/json"
    )
