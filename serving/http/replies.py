"""Responses: JSON with an ETag, and 304 for a client that has the same content."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
from fastapi import Request, Response

LIVE = "private, no-cache"
"""The Cache-Control of answers: clients may store them and must revalidate each time."""

_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY


def encode(answer: Any) -> bytes:
    """JSON of dataclasses, NumPy arrays and plain values."""
    return orjson.dumps(answer, option=_OPTIONS)


def etag_of(content: bytes) -> str:
    """The strong ETag of the content."""
    return f'"{hashlib.blake2b(content, digest_size=9).hexdigest()}"'


def unchanged(request: Request, etag: str) -> bool:
    """Whether the client has the content of this ETag, as its If-None-Match says."""
    known = request.headers.get("if-none-match", "")
    return known == "*" or etag in (part.strip().removeprefix("W/") for part in known.split(","))


def reply(request: Request, answer: Any, cache: str = LIVE) -> Response:
    """The response: JSON, or 304 if the client has the same content.

    Args:
        request: the request that is answered.
        answer: a dataclass or another value that `encode` takes.
        cache: the Cache-Control header.
    """
    content = encode(answer)
    etag = etag_of(content)
    headers = {"ETag": etag, "Cache-Control": cache}
    if unchanged(request, etag):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type="application/json")
