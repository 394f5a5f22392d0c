"""The application without a network: for tests of answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starlette.testclient import TestClient

from serving.app import create_app
from serving.options import ServingSettings


@contextmanager
def application(
    *stores: str, model: tuple[str, ...] = ("none",), **more: Any
) -> Iterator[TestClient]:
    """A client of an application over these stores; by default without models."""
    settings = ServingSettings(store=stores, model=model, **({"store_timeout": 60.0} | more))
    with TestClient(create_app(settings), "http://localhost") as client:
        yield client
