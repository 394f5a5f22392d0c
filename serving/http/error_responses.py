"""Error responses: JSON with one sentence, never a stack trace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException as StarletteHTTPException

from serving.stores.group import StoresDownError
from serving.workers import OverloadedError

_SHOWN_ERRORS = 10


class Problem(BaseModel):
    """What went wrong."""

    detail: str


class InputProblem(BaseModel):
    """What is wrong with the request."""

    detail: str
    errors: list[dict[str, str]] = []


NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "There is no such thing"}
}
INVALID: dict[int | str, dict[str, Any]] = {
    422: {"model": InputProblem, "description": "The request is invalid"}
}
DOWN: dict[int | str, dict[str, Any]] = {
    503: {"model": Problem, "description": "A store or the model does not answer at the moment"}
}
BODY: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The body is not UTF-8"},
    408: {"model": Problem, "description": "The request did not arrive in time"},
    413: {"model": Problem, "description": "The request is too large"},
}
LONG_ADDRESS: dict[int | str, dict[str, Any]] = {
    431: {"model": Problem, "description": "The address or the headers are too large"},
}
ON_DEMAND: dict[int | str, dict[str, Any]] = LONG_ADDRESS | {
    501: {"model": Problem, "description": "Lists by request need Apache Beam on this server"},
}
AUTHENTICATED: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "The token is missing or wrong"},
    429: {"model": Problem, "description": "Too many wrong tokens came from this address"},
}
NOT_CHANGED: dict[int | str, dict[str, Any]] = {
    304: {"description": "Unchanged since the answer with the ETag in If-None-Match"}
}


def problem(
    status: int, detail: str, headers: Mapping[str, str] | None = None, **more: Any
) -> Response:
    """An error as JSON."""
    return Response(
        orjson.dumps({"detail": detail} | more),
        status,
        {"Cache-Control": "no-store"} | dict(headers or {}),
        "application/json",
    )


def _http(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, StarletteHTTPException)  # noqa: S101  # registered for these only
    return problem(error.status_code, str(error.detail), error.headers)


def _invalid(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for these only
    errors = [
        {"where": ".".join(map(str, found["loc"])), "what": str(found["msg"])}
        for found in error.errors()[:_SHOWN_ERRORS]
    ]
    first = f"{errors[0]['where']}: {errors[0]['what']}" if errors else "bad request"
    return problem(422, first, errors=errors)


def _down(request: Request, error: Exception) -> Response:
    del request
    return problem(503, f"{error}; try again in a moment", {"Retry-After": "1"})


def _unexpected(request: Request, error: Exception) -> Response:
    del request, error
    return problem(500, "internal error; the server's log has the details")


def add_error_responses(app: FastAPI) -> None:
    """Makes every error of the application a JSON answer."""
    app.add_exception_handler(StarletteHTTPException, _http)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(StoresDownError, _down)
    app.add_exception_handler(OverloadedError, _down)
    app.add_exception_handler(Exception, _unexpected)
