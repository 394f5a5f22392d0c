"""The services that all routes share: made once for each application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from serving.impressions import ImpressionWriter
from serving.live.sse import Broadcaster
from serving.metrics import Metrics
from serving.models.manager import ModelManager
from serving.on_demand.lists import OnDemandLists
from serving.on_demand.similar import SimilarItemLists
from serving.options import ServingSettings
from serving.queries import Queries
from serving.workers import WorkerThreads


@dataclass(frozen=True, slots=True)
class Services:
    """What the routes use.

    Attributes:
        settings: the server's settings.
        queries: queries to the stores.
        on_demand: lists by request.
        similar: items similar to an item.
        models: the models that rank on demand.
        broadcaster: sends the page's live figures.
        metrics: the server's metrics.
        threads: threads for work that would block the event loop.
        impressions: notes which lists were handed out; None where nobody asks for it.
    """

    settings: ServingSettings
    queries: Queries
    on_demand: OnDemandLists
    similar: SimilarItemLists
    models: ModelManager
    broadcaster: Broadcaster
    metrics: Metrics
    threads: WorkerThreads
    impressions: ImpressionWriter | None = None


async def _services(request: Request) -> Services:
    return cast(Services, request.app.state.services)


Shared = Annotated[Services, Depends(_services)]
"""The type of a route's argument that receives the services."""
