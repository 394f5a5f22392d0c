"""The job: counters, policies, activity, dead letters; health and metrics of the server."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query, Request, Response

from serving.dead_letters import last_dead_letters
from serving.decisions import decisions_file, last_decisions
from serving.http.error_responses import DOWN, INVALID, NOT_CHANGED, NOT_FOUND
from serving.http.replies import encode, reply
from serving.metrics import CONTENT_TYPE
from serving.models.manager import ModelManager
from serving.schemas.health import Health, StoreHealth
from serving.schemas.job import Activity, DeadLetters, Job, Policies
from serving.schemas.loop import Decisions
from serving.state import Shared

router = APIRouter(tags=["job"])

Minutes = Annotated[int, Query(ge=1, le=20_000, description="The last minutes of event time")]


@router.get(
    "/policies", response_model=Policies, responses=NOT_FOUND | DOWN | INVALID | NOT_CHANGED
)
async def policies(request: Request, shared: Shared, minutes: Minutes = 720) -> Response:
    """Recommendations, hits and reward per policy and minute of event time (SQL stores)."""
    found = await shared.queries.policies(minutes)
    if found is None:
        raise HTTPException(404, "no store has results of policies (SQL stores have them)")
    return reply(request, found)


@router.get(
    "/activity", response_model=Activity, responses=NOT_FOUND | DOWN | INVALID | NOT_CHANGED
)
async def activity(request: Request, shared: Shared, minutes: Minutes = 720) -> Response:
    """Events per minute of event time, by behavior (SQL stores)."""
    found = await shared.queries.activity(minutes)
    if found is None:
        raise HTTPException(404, "no store has events by minute (SQL stores have them)")
    return reply(request, found)


@router.get("/job", response_model=Job, responses=NOT_FOUND | DOWN | NOT_CHANGED)
async def job(request: Request, shared: Shared) -> Response:
    """The counters of the job's latest run (SQL stores)."""
    found = await shared.queries.job()
    if found is None:
        raise HTTPException(404, "no store has a job's counters (SQL stores have them)")
    return reply(request, found)


@router.get("/dead_letters", response_model=DeadLetters, responses=INVALID | NOT_CHANGED)
async def dead_letters(
    request: Request,
    shared: Shared,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    reason: Annotated[str | None, Query(max_length=100, description="Only this reason")] = None,
) -> Response:
    """The last dead letters, newest first, and how many of each reason."""
    path = shared.settings.dead_letters
    found = await shared.threads.run(lambda: last_dead_letters(path, limit, reason))
    return reply(request, found)


@router.get("/decisions", response_model=Decisions, responses=INVALID | NOT_CHANGED)
async def decisions(
    request: Request, shared: Shared, limit: Annotated[int, Query(ge=1, le=500)] = 50
) -> Response:
    """The last decisions of `training.loop`, newest first, and the versions in use."""
    settings = shared.settings
    path = decisions_file(settings.decisions, settings.model or ())
    found = await shared.threads.run(lambda: last_decisions(path, limit))
    return reply(request, found)


@router.get(
    "/health",
    response_model=Health,
    responses={503: {"model": Health, "description": "Not ready: down or starting"}},
)
async def health(request: Request, shared: Shared) -> Response:
    """Whether stores and models can be used; details need the token, where one is set."""
    models = shared.models
    stores = await shared.queries.stores.health()
    trusted = bool(request.scope["state"]["trusted"])
    answer = Health(
        _status(stores, models),
        stores if trusted else [],
        models.names() if trusted else [],
        models.loading,
        models.failed if trusted else [],
    )
    status = 503 if answer.status in ("down", "starting") else 200
    headers = {"Cache-Control": "no-store"}
    return Response(encode(answer), status, headers, "application/json")


def _status(
    stores: list[StoreHealth], models: ModelManager
) -> Literal["ok", "starting", "degraded", "down"]:
    if all(store.state == "down" for store in stores):
        return "down"
    if models.loading:
        return "starting"
    if models.failed or any(store.state in ("down", "absent") for store in stores):
        return "degraded"
    return "ok"


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "Prometheus's text format"}},
)
async def metrics(shared: Shared) -> Response:
    """Requests, stores, models and the job for Prometheus."""
    headers = {"Cache-Control": "no-store", "Content-Type": CONTENT_TYPE}
    return Response(shared.metrics.text(), headers=headers)
