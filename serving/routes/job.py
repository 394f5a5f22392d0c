"""The job and what stands behind the API: counts, policies, dead letters, health."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, Response

from serving.dead_letters import last_dead_letters
from serving.http.error_responses import DOWN, INVALID, NOT_CHANGED, NOT_FOUND
from serving.http.replies import encode, reply
from serving.metrics import CONTENT_TYPE
from serving.schemas.responses import Activity, DeadLetters, Health, Job, Policies
from serving.state import Shared

router = APIRouter(tags=["job"])

Minutes = Annotated[int, Query(ge=1, le=20_000, description="Of event time, the last ones")]


@router.get(
    "/policies", response_model=Policies, responses=NOT_FOUND | DOWN | INVALID | NOT_CHANGED
)
async def policies(request: Request, shared: Shared, minutes: Minutes = 720) -> Response:
    """Recommendations, hits and reward per policy and minute of event time (SQL stores)."""
    found = await shared.queries.policies(minutes)
    if found is None:
        raise HTTPException(404, "no store has minutes of policies (SQL stores keep them)")
    return reply(request, found)


@router.get(
    "/activity", response_model=Activity, responses=NOT_FOUND | DOWN | INVALID | NOT_CHANGED
)
async def activity(request: Request, shared: Shared, minutes: Minutes = 720) -> Response:
    """Events per minute of event time, by behavior (SQL stores)."""
    found = await shared.queries.activity(minutes)
    if found is None:
        raise HTTPException(404, "no store has minutes of events (SQL stores keep them)")
    return reply(request, found)


@router.get("/job", response_model=Job, responses=NOT_FOUND | DOWN | NOT_CHANGED)
async def job(request: Request, shared: Shared) -> Response:
    """What the latest run of the job has done so far (SQL stores)."""
    found = await shared.queries.job()
    if found is None:
        raise HTTPException(404, "no store has a job's counts (SQL stores keep them)")
    return reply(request, found)


@router.get("/dead_letters", response_model=DeadLetters, responses=INVALID | NOT_CHANGED)
async def dead_letters(
    request: Request,
    shared: Shared,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    reason: Annotated[str | None, Query(max_length=100, description="This reason alone")] = None,
) -> Response:
    """The last dead letters, newest first, and how many of each reason."""
    path = shared.settings.dead_letters
    return reply(request, await asyncio.to_thread(last_dead_letters, path, limit, reason))


@router.get(
    "/health", response_model=Health, responses={503: {"model": Health, "description": "Down"}}
)
async def health(request: Request, shared: Shared) -> Response:
    """Whether the stores answer; the details need the token, where one is set."""
    stores = await shared.queries.stores.health()
    down = sum(store.state == "down" for store in stores)
    bad = sum(store.state in ("down", "absent") for store in stores)
    shown = bool(request.scope["state"]["trusted"])
    answer = Health(
        "down" if down == len(stores) else "degraded" if bad else "ok",
        stores if shown else [],
        shared.models.names() if shown else [],
    )
    status = 503 if answer.status == "down" else 200
    headers = {"Cache-Control": "no-store"}
    return Response(encode(answer), status, headers, "application/json")


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "Prometheus's text format"}},
)
async def metrics(shared: Shared) -> Response:
    """Requests, stores, models and the job for Prometheus."""
    headers = {"Cache-Control": "no-store", "Content-Type": CONTENT_TYPE}
    return Response(shared.metrics.text(), headers=headers)
