"""What every request passes first: host, token, size, time; and what every answer carries."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import unquote_to_bytes

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.http.error_responses import problem

MAX_BODY = 4 << 20
"""Bytes that a request's body may have."""

_BODY_SECONDS = 15.0
_COOKIE = "rivulet"
_COOKIE_SECONDS = 30 * 24 * 3600
_LOGIN = "/login"
_LOGIN_PAGE = (Path(__file__).parents[1] / "static" / "login.html").read_text(encoding="utf-8")
_OPEN = ("/health", "/static/style.css")
_LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""On every answer."""


class BodyTooLargeError(Exception):
    """The body has more than MAX_BODY bytes."""


class SecurityMiddleware:
    """ASGI middleware.

    Args:
        app: what it guards.
        token: what clients must show; empty for none.
        local: whether only this machine can reach the server. Then, without a token, only
            requests to a local name are answered: a page elsewhere cannot have its own name
            point here and read (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, token: str, local: bool) -> None:
        self._app = app
        self._token = token.encode()
        self._cookie = hmac.new(self._token, b"rivulet page", hashlib.sha256).hexdigest()
        self._names_only = local and not token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers itself, or lets the request through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            # As for GET; the server leaves the body away.
            scope = dict(scope, method="GET")
        headers = Headers(scope=scope)
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                outgoing = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    outgoing.setdefault(name, value)
            await send(message)

        refusal = await self._refusal(scope, headers, receive)
        if refusal:
            await refusal(scope, receive, send_with_headers)
            return
        try:
            await self._app(scope, _limited(receive, scope), send_with_headers)
        except BodyTooLargeError:
            if not started:
                await _too_large()(scope, receive, send_with_headers)

    async def _refusal(self, scope: Scope, headers: Headers, receive: Receive) -> Response | None:
        if self._names_only and _host_name(headers) not in _LOCAL_NAMES:
            return problem(400, "without a token, only requests to localhost are answered")
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > MAX_BODY:
            return _too_large()
        path = scope["path"]
        shown = not self._token or self._shown(headers)
        scope.setdefault("state", {})["trusted"] = shown
        if self._token and path == _LOGIN and scope["method"] == "POST":
            return await self._log_in(Request(scope, _limited(receive, scope)))
        if shown or path in _OPEN:
            return None
        if path == "/" and scope["method"] == "GET":
            return HTMLResponse(_LOGIN_PAGE, 401)
        return problem(
            401,
            "a token is needed: Authorization: Bearer TOKEN, or log in at /",
            {"WWW-Authenticate": "Bearer"},
        )

    def _shown(self, headers: Headers) -> bool:
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return hmac.compare_digest(given.strip().encode(), self._token)
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(_COOKIE)
        except CookieError:
            return False
        return bool(cookie) and hmac.compare_digest(
            cookie.value.encode(),  # type: ignore[union-attr]
            self._cookie.encode(),
        )

    async def _log_in(self, request: Request) -> Response:
        # The form has one short field; this is far from MAX_BODY.
        body = (await request.body())[:4096]
        field, _, given = body.partition(b"=")
        token = unquote_to_bytes(given.replace(b"+", b" "))
        if field != b"token" or not hmac.compare_digest(token, self._token):
            return HTMLResponse(_LOGIN_PAGE.replace(" hidden", ""), 401)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(
            _COOKIE, self._cookie, max_age=_COOKIE_SECONDS, httponly=True, samesite="strict"
        )
        return answer


def _host_name(headers: Headers) -> str:
    host = headers.get("host", "").lower()
    return (
        host[: host.index("]") + 1]
        if host.startswith("[") and "]" in host
        else (host.rpartition(":")[0] if ":" in host else host)
    )


def _too_large() -> Response:
    return problem(413, f"the request has more than {MAX_BODY >> 20} MiB")


def _limited(receive: Receive, scope: Scope) -> Receive:
    """`receive` for a body that is neither too large nor dripping in."""
    if scope["method"] in ("GET", "HEAD"):
        return receive
    left = MAX_BODY
    over = False

    async def limited() -> Message:
        nonlocal left, over
        if over:
            return await receive()
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                message = await receive()
        except TimeoutError:
            return {"type": "http.disconnect"}
        if message["type"] == "http.request":
            left -= len(message.get("body", b""))
            over = not message.get("more_body", False)
            if left < 0:
                raise BodyTooLargeError
        return message

    return limited
