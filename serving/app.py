"""The app: services, routes and what every request passes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import FastAPI

from serving.http.error_responses import EVERYWHERE, answer_problems
from serving.http.security import SecurityMiddleware
from serving.live.job_status import Live
from serving.live.sse import Broadcaster
from serving.metrics import Metrics, Timed
from serving.models.manager import ModelManager, loaders_of
from serving.options import Settings, is_loopback
from serving.queries import Queries
from serving.routes import inference, job, page, popular, users
from serving.state import Services
from serving.stores.opening import open_stores

DESCRIPTION = """\
What a Rivulet job wrote to its stores, and its policies on demand. Read only. Times are seconds
since the epoch, UTC. Lists are paged by `limit` and `offset`. Answers carry an `ETag`: send it
back as `If-None-Match` and get 304 while nothing has changed.
"""


def create_app(settings: Settings) -> FastAPI:
    """The ASGI app for these settings.

    Raises:
        StoreURLError: a store's URL cannot be used.
        ValueError: two models have one name.
    """
    metrics = Metrics()
    services = Services(
        settings=settings,
        queries=Queries(open_stores(settings.stores, settings.store_timeout)),
        models=ModelManager(loaders_of(settings.models), metrics),
        hub=Broadcaster(metrics.listeners.set),
        metrics=metrics,
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        del app
        live = Live(
            services.queries, services.hub, metrics, settings.dead_letters, settings.interval
        )
        work = [asyncio.create_task(live.run()), asyncio.create_task(services.models.run())]
        try:
            yield
        finally:
            for task in work:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*work, return_exceptions=True)
            services.models.close()
            await services.queries.stores.close()

    app = FastAPI(
        title="Rivulet",
        version="0.1.0",
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        responses=EVERYWHERE if settings.token else None,
    )
    app.state.services = services
    _keep_limits_whole(app)
    answer_problems(app)
    # Routes are tried in this order, the busiest first. Inference last: its address is open.
    for router in (users.router, popular.router, page.router, job.router, inference.router):
        app.include_router(router)
    app.include_router(page.lost)
    app.add_middleware(SecurityMiddleware, token=settings.token, local=is_loopback(settings.host))
    app.add_middleware(Timed, metrics=metrics)
    return app


def _keep_limits_whole(app: FastAPI) -> None:
    """Writes the limits of ids exactly: FastAPI gives them as floats, which 2^63 - 1 is not."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        document: dict[str, Any] = made()
        _whole(document)
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _whole(part: Any) -> None:
    if isinstance(part, list):
        for item in part:
            _whole(item)
    elif isinstance(part, dict):
        if part.get("type") == "integer" and part.get("maximum") == float(2**63):
            part |= {"maximum": 2**63 - 1, "minimum": -(2**63), "format": "int64"}
        for item in part.values():
            _whole(item)
