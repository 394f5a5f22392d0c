"""The page, its files, its live figures, and the API's documentation."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import StreamingResponse

from serving.http.assets import asset
from serving.http.replies import LIVE, etag_of, unchanged
from serving.live.sse import TooManyListenersError
from serving.state import Shared

router = APIRouter(include_in_schema=False)


def _file(request: Request, name: str) -> Response:
    found = asset(request, name)
    if found is None:
        raise HTTPException(404, "no such page")
    return found


@router.get("/")
async def index(request: Request) -> Response:
    """The page."""
    return _file(request, "index.html")


@router.get("/docs")
async def docs(request: Request) -> Response:
    """The API's documentation."""
    return _file(request, "docs.html")


@router.get("/favicon.ico")
async def favicon(request: Request) -> Response:
    """The icon, at the address that browsers request by default."""
    return _file(request, "icon.svg")


@router.get("/static/{name:path}")
async def static(request: Request, name: str) -> Response:
    """A file of the page."""
    return _file(request, name)


@router.get("/graph.svg")
async def graph(request: Request, shared: Shared) -> Response:
    """The drawing of the pipeline's graph, which `make graph` makes."""
    try:
        content = await shared.threads.run(shared.settings.graph.read_bytes)
    except OSError:
        raise HTTPException(404, "no graph has been drawn: make graph") from None
    etag = etag_of(content)
    headers = {
        "ETag": etag,
        "Cache-Control": LIVE,
        # Graphviz styles by attributes, which need no permission; no script may run.
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    }
    if unchanged(request, etag):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type="image/svg+xml")


@router.get("/events")
async def events(shared: Shared) -> Response:
    """The page's figures as server-sent events."""
    try:
        messages = shared.broadcaster.listen()
    except TooManyListenersError:
        raise HTTPException(503, "too many pages are open", {"Retry-After": "10"}) from None
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(messages, media_type="text/event-stream", headers=headers)


not_found = APIRouter(include_in_schema=False)
"""The last router: addresses that no other route has."""


@not_found.get("/{path:path}")
async def nothing(shared: Shared, path: str) -> Response:
    """404, or 405 for an address that only takes a POST."""
    name, _, rest = path.partition("/")
    if path == "session" or (rest in ("", "state") and name in shared.models.names()):
        raise HTTPException(405, f"/{path} takes a POST", {"Allow": "POST"})
    raise HTTPException(404, f"there is no /{path}; /docs lists all addresses")
