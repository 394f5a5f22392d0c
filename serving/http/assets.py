"""Static files of the page: read and gzipped once, served with an ETag."""

from __future__ import annotations

import gzip
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import Request, Response

from serving.http.replies import etag_of, unchanged

STATIC = Path(__file__).parents[1] / "static"
_LEAST_GZIPPED = 1024
_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}


@dataclass(frozen=True, slots=True)
class _Asset:
    content: bytes
    zipped: bytes
    etag: str
    media_type: str


@cache
def _asset(path: Path) -> _Asset:
    content = path.read_bytes()
    zipped = gzip.compress(content, 6, mtime=0) if len(content) >= _LEAST_GZIPPED else b""
    media_type = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "text/plain"
    return _Asset(content, zipped, etag_of(content), media_type)


@cache
def _names() -> dict[str, Path]:
    """The files by name. A fixed list: no requested path can lead out of the folder."""
    return {
        path.relative_to(STATIC).as_posix(): path for path in STATIC.rglob("*") if path.is_file()
    }


def asset(request: Request, name: str) -> Response | None:
    """The response for a file of the page; None if there is no file of that name."""
    path = _names().get(name)
    if path is None:
        return None
    found = _asset(path)
    headers = {"ETag": found.etag, "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding"}
    if unchanged(request, found.etag):
        return Response(status_code=304, headers=headers)
    if found.zipped and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(found.zipped, headers=headers, media_type=found.media_type)
    return Response(found.content, headers=headers, media_type=found.media_type)
