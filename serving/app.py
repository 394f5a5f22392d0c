"""The application: its services, routes and middleware."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import FastAPI

from serving.decisions import decisions_file
from serving.http.error_responses import AUTHENTICATED, add_error_responses
from serving.http.limits import RequestLimits
from serving.http.security import SecurityHeaders, SecurityMiddleware
from serving.impressions import ImpressionWriter
from serving.live.publisher import LivePublisher
from serving.live.sse import Broadcaster
from serving.metrics import Metrics, RequestTimer
from serving.models.manager import ModelManager, model_loaders
from serving.on_demand.lists import OnDemandLists
from serving.on_demand.similar import SimilarItemLists
from serving.options import LimitSettings, ServingSettings, is_loopback
from serving.queries import Queries
from serving.routes import inference, items, job, page, popular, session, similar, users
from serving.state import Services
from serving.stores.base import horizon_of
from serving.stores.opening import open_stores
from serving.workers import WorkerThreads

DESCRIPTION = """\
The outputs of a Rivulet job, read from its stores, and its policies on demand. Read only. Times
are seconds since the epoch, UTC. Lists are paged by `limit` and `offset`. Answers have an `ETag`:
with it in `If-None-Match`, an unchanged answer is 304.
"""


def create_app(settings: ServingSettings, limits: LimitSettings | None = None) -> FastAPI:
    """The ASGI application.

    Args:
        settings: what to serve.
        limits: limits on clients; None for the defaults.

    Raises:
        StoreURLError: a store's URL cannot be used.
        ValueError: two models have the same name.
        SourceError: the URL of the impressions is wrong.
    """
    limits = limits or LimitSettings()
    metrics = Metrics()
    threads = WorkerThreads(limits.threads)
    horizon = horizon_of(settings.max_future)
    queries = Queries(open_stores(settings.store, settings.store_timeout, horizon), threads)
    models = ModelManager(model_loaders(settings.model, settings.max_model_bytes), metrics)
    services = Services(
        settings=settings,
        queries=queries,
        on_demand=OnDemandLists(queries, models),
        similar=SimilarItemLists(queries, models),
        models=models,
        broadcaster=Broadcaster(limits.max_listeners, metrics.listeners.set),
        metrics=metrics,
        threads=threads,
        impressions=_impressions(settings, metrics),
    )
    app = FastAPI(
        title="Rivulet",
        version="0.1.0",
        description=DESCRIPTION,
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        responses=AUTHENTICATED if settings.token else None,
    )
    app.state.services = services
    _write_exact_limits(app)
    add_error_responses(app)
    # Routes are tried in this order, the most frequent first. Inference is last: its address is
    # any name.
    for router in (
        users.router,
        popular.router,
        similar.router,
        items.router,
        session.router,
        page.router,
        job.router,
        inference.router,
    ):
        app.include_router(router)
    app.include_router(page.not_found)
    # Each middleware wraps those before it.
    app.add_middleware(
        SecurityMiddleware,
        token=settings.token,
        local=is_loopback(settings.host),
        wrong_per_minute=limits.max_wrong_tokens,
    )
    app.add_middleware(RequestLimits, limits=limits)
    app.add_middleware(SecurityHeaders, picture_hosts=settings.picture_host)
    app.add_middleware(RequestTimer, metrics=metrics)
    return app


def _impressions(settings: ServingSettings, metrics: Metrics) -> ImpressionWriter | None:
    if settings.impressions is None:
        return None
    from sources.kafka.url import parse_url

    return ImpressionWriter(parse_url(settings.impressions), metrics)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    services: Services = app.state.services
    settings = services.settings
    publisher = LivePublisher(
        services.queries, services.broadcaster, services.metrics, services.threads,
        settings.dead_letters, settings.interval,
        lambda: decisions_file(settings.decisions, settings.model or ()),
    )  # fmt: skip
    tasks = [asyncio.create_task(publisher.run()), asyncio.create_task(services.models.run())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)
        services.models.close()
        if services.impressions is not None:
            await asyncio.to_thread(services.impressions.close)
        services.threads.close()
        await services.queries.stores.close()


def _write_exact_limits(app: FastAPI) -> None:
    """Writes the limits of ids exactly: FastAPI writes them as floats, which 2^63 - 1 is not."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        document: dict[str, Any] = make()
        _replace_limits(document)
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _replace_limits(part: Any) -> None:
    if isinstance(part, list):
        for item in part:
            _replace_limits(item)
    elif isinstance(part, dict):
        if part.get("type") == "integer" and part.get("maximum") == float(2**63):
            part |= {"maximum": 2**63 - 1, "minimum": -(2**63), "format": "int64"}
        for item in part.values():
            _replace_limits(item)
