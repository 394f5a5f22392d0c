"""Security of every request: its host name, its token, and the headers of its answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote_to_bytes

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.http.connections import peer_key
from serving.http.error_responses import problem
from serving.http.tokens import Authentication, TooManyWrongTokensError

_MAX_LOGIN = 4096
_LOGIN = "/login"
_LOGIN_PAGE = (Path(__file__).parents[1] / "static" / "login.html").read_text(encoding="utf-8")
_OPEN = ("/health", "/static/style.css")
_LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")

_POLICY = "Content-Security-Policy"
HEADERS = {
    _POLICY: (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""On every answer of the application."""


class SecurityHeaders:
    """ASGI middleware: adds `HEADERS` to every answer.

    Args:
        app: what answers.
        picture_hosts: hosts from which the page may load pictures over https.
    """

    def __init__(self, app: ASGIApp, picture_hosts: Sequence[str] = ()) -> None:
        self._app = app
        sources = " ".join(["data:", *(f"https://{host}" for host in picture_hosts)])
        policy = HEADERS[_POLICY].replace("data:", sources)
        headers = HEADERS | {_POLICY: policy}
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = message["headers"]
                names = {name for name, _ in given}
                own = [header for header in self._headers if header[0] not in names]
                message["headers"] = [*given, *own]
            await send(message)

        await self._app(scope, receive, send_with_headers)


class SecurityMiddleware:
    """ASGI middleware: lets only authenticated requests through.

    It sets `scope["state"]["trusted"]`: whether the client may see details.

    Args:
        app: what it protects.
        token: what clients must present; empty for none.
        local: whether only this machine can reach the server. Then, without a token, only
            requests to a local name are answered, so that a page elsewhere cannot let its own
            name point here and read (DNS rebinding).
        wrong_per_minute: wrong tokens that a peer may present in a minute.
    """

    def __init__(self, app: ASGIApp, token: str, local: bool, wrong_per_minute: int) -> None:
        self._app = app
        self._authentication = Authentication(token, wrong_per_minute) if token else None
        self._local_names_only = local and not token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            # The application answers as for GET, and the server leaves out the body.
            scope = dict(scope, method="GET")
        answer = await self._own_answer(scope, receive)
        await (answer or self._app)(scope, receive, send)

    async def _own_answer(self, scope: Scope, receive: Receive) -> Response | None:
        headers = Headers(scope=scope)
        if self._local_names_only and _host_name(headers) not in _LOCAL_NAMES:
            return problem(400, "without a token, only requests to localhost are answered")
        if self._authentication is None:
            scope.setdefault("state", {})["trusted"] = True
            return None
        peer = peer_key(scope.get("client"))
        path, method = scope["path"], scope["method"]
        try:
            if path == _LOGIN and method == "POST":
                request = Request(scope, receive)
                return await self._log_in(self._authentication, request, peer)
            trusted = self._authentication.has_cookie(headers) or self._authentication.has_token(
                headers, peer
            )
        except TooManyWrongTokensError as error:
            return problem(429, str(error), {"Retry-After": str(error.seconds)})
        scope.setdefault("state", {})["trusted"] = trusted
        if trusted or path in _OPEN:
            return None
        if path == "/" and method == "GET":
            return HTMLResponse(_LOGIN_PAGE, 401)
        return problem(
            401,
            "a token is needed: Authorization: Bearer TOKEN, or log in at /",
            {"WWW-Authenticate": "Bearer"},
        )

    async def _log_in(
        self, authentication: Authentication, request: Request, peer: str
    ) -> Response:
        body = b""
        try:
            async for part in request.stream():
                body += part
                if len(body) > _MAX_LOGIN:
                    return problem(413, f"a login has at most {_MAX_LOGIN} bytes")
        except ClientDisconnect:
            return problem(400, "the login is incomplete")
        field, _, given = body.partition(b"=")
        token = unquote_to_bytes(given.replace(b"+", b" "))
        if field != b"token" or not authentication.is_token(token, peer):
            return HTMLResponse(_LOGIN_PAGE.replace(" hidden", ""), 401)
        answer = RedirectResponse("/", 303)
        authentication.set_cookie(answer)
        return answer


def _host_name(headers: Headers) -> str:
    host = headers.get("host", "").lower()
    if host.startswith("[") and "]" in host:
        return host[: host.index("]") + 1]
    return host.rpartition(":")[0] if ":" in host else host
