"""Metrics for Prometheus: requests, stores, models and the job."""

from __future__ import annotations

import time
from dataclasses import asdict

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.schemas.health import StoreHealth
from serving.schemas.job import Job

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_USERS_BUCKETS = (1, 4, 16, 64, 256, 1024, 4096, 16384)


class Metrics:
    """The metrics of one application; each has a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.seconds = Histogram(
            "rivulet_http_request_seconds",
            "Time to answer a request, by route and status",
            ("method", "route", "status"),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.store_up = Gauge(
            "rivulet_store_up", "1 if the store answers", ("store",), registry=self.registry
        )
        self.job = Gauge(
            "rivulet_job",
            "The counters of the job's latest run, by name",
            ("name",),
            registry=self.registry,
        )
        self.ranked = Counter(
            "rivulet_ranked_users", "Users ranked on demand", ("policy",), registry=self.registry
        )
        self.refused = Gauge(
            "rivulet_model_versions_refused",
            "New versions of a model that could not be used",
            ("model",),
            registry=self.registry,
        )
        self.batch = Histogram(
            "rivulet_rank_batch_users",
            "Users in a ranked batch",
            buckets=_USERS_BUCKETS,
            registry=self.registry,
        )
        self.impressions = Counter(
            "rivulet_impressions", "Impressions written to Kafka", registry=self.registry
        )
        self.impressions_failed = Counter(
            "rivulet_impressions_failed",
            "Impressions that were not written: the queue was full, or Kafka did not accept them",
            registry=self.registry,
        )
        self.listeners = Gauge(
            "rivulet_page_listeners", "Pages that receive live figures", registry=self.registry
        )

    def text(self) -> bytes:
        """All metrics in Prometheus's text format."""
        return generate_latest(self.registry)

    def set_stores(self, stores: list[StoreHealth]) -> None:
        """Sets whether each store answers."""
        for store in stores:
            self.store_up.labels(store.store).set(store.state != "down")

    def set_job(self, job: Job) -> None:
        """Sets the job's counters."""
        for name, value in asdict(job).items():
            if isinstance(value, int | float):
                self.job.labels(name).set(value)


class RequestTimer:
    """ASGI middleware: measures the time of each request, by route and status.

    Args:
        app: what handles the requests.
        metrics: where the times are recorded.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._seconds = metrics.seconds
        self._series: dict[tuple[str, str, int], Histogram] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        start = time.perf_counter()
        try:
            await self._app(scope, receive, send_and_note)
        finally:
            # Label by route, not by path: each user id in a path would be a time series of its own.
            found = scope.get("route")
            route = getattr(found, "path_format", getattr(found, "path", "none"))
            key = (scope["method"] if route != "none" else "", route, status)
            series = self._series.get(key)
            if series is None:
                labels = self._seconds.labels(key[0], key[1], str(key[2]))
                series = self._series[key] = labels
            series.observe(time.perf_counter() - start)
