"""Answers as JSON with an ETag, so that a client that has them need not get them again."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
from fastapi import Request, Response

LIVE = "private, no-cache"
"""Keep it, but ask each time whether it still holds."""

_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY


def encode(answer: Any) -> bytes:
    """Dataclasses, NumPy arrays and the rest as JSON."""
    return orjson.dumps(answer, option=_OPTIONS)


def etag_of(content: bytes) -> str:
    """A strong ETag of the content."""
    return f'"{hashlib.blake2b(content, digest_size=9).hexdigest()}"'


def unchanged(request: Request, etag: str) -> bool:
    """Whether the client says that it has what the ETag stands for."""
    known = request.headers.get("if-none-match", "")
    return known == "*" or etag in (part.strip().removeprefix("W/") for part in known.split(","))


def reply(request: Request, answer: Any, cache: str = LIVE) -> Response:
    """The answer as JSON, or 304 if the client has it.

    Args:
        request: what is answered.
        answer: a dataclass or what else `encode` takes.
        cache: the Cache-Control header.
    """
    content = encode(answer)
    etag = etag_of(content)
    headers = {"ETag": etag, "Cache-Control": cache}
    if unchanged(request, etag):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type="application/json")
