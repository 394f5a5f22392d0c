"""What the routes share: made once per app, kept on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from serving.live.sse import Broadcaster
from serving.metrics import Metrics
from serving.models.manager import ModelManager
from serving.options import Settings
from serving.queries import Queries


@dataclass(frozen=True, slots=True)
class Services:
    """What answers are made from."""

    settings: Settings
    queries: Queries
    models: ModelManager
    hub: Broadcaster
    metrics: Metrics


async def _services(request: Request) -> Services:
    return cast(Services, request.app.state.services)


Shared = Annotated[Services, Depends(_services)]
