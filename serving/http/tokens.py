"""Authentication: the token as a header, the login form's cookie, and a brake on guessing."""

from __future__ import annotations

import hashlib
import hmac
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers
from starlette.responses import Response

COOKIE = "rivulet"
_COOKIE_SECONDS = 30 * 24 * 3600
_MINUTE = 60.0
_MAX_PEERS = 4096


class TooManyWrongTokensError(Exception):
    """A peer has presented too many wrong tokens; its tokens are not compared for now.

    Attributes:
        seconds: until the next one is compared.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__("too many wrong tokens from your address")
        self.seconds = math.ceil(seconds)


class WrongTokens:
    """Counts the wrong tokens of each peer: a bucket that drains steadily.

    Only the peers with the latest wrong tokens are remembered, so that memory is bounded.

    Args:
        per_minute: wrong tokens that a peer may present in a minute.
        clock: seconds, rising.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = per_minute
        self._rate = per_minute / _MINUTE
        self._clock = clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def _level(self, peer: str) -> float:
        level, at = self._levels.get(peer, (0.0, 0.0))
        return max(0.0, level - (self._clock() - at) * self._rate)

    def check(self, peer: str) -> None:
        """Allows a token to be compared.

        Raises:
            TooManyWrongTokensError: the peer must wait.
        """
        excess = self._level(peer) - (self._size - 1)
        # Less than a thousandth of a token is rounding.
        if excess > 1e-3:
            raise TooManyWrongTokensError(excess / self._rate)

    def add(self, peer: str) -> None:
        """Counts a wrong token."""
        self._levels[peer] = (self._level(peer) + 1, self._clock())
        self._levels.move_to_end(peer)
        if len(self._levels) > _MAX_PEERS:
            self._levels.popitem(last=False)


class Authentication:
    """Compares tokens in constant time.

    Args:
        token: the server's token; empty for none.
        per_minute: wrong tokens that a peer may present in a minute.
    """

    def __init__(self, token: str, per_minute: int) -> None:
        self._token = token.encode()
        self._cookie = hmac.new(self._token, b"rivulet page", hashlib.sha256).hexdigest().encode()
        self._wrong = WrongTokens(per_minute)

    def has_cookie(self, headers: Headers) -> bool:
        """Whether the request has the cookie of a login.

        It has 256 bits, so guesses need no brake: who is logged in is never refused because of
        others at the same address.
        """
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return cookie is not None and hmac.compare_digest(cookie.value.encode(), self._cookie)

    def has_token(self, headers: Headers, peer: str) -> bool:
        """Whether the request has the token as `Authorization: Bearer TOKEN`.

        Raises:
            TooManyWrongTokensError: the peer must wait.
        """
        kind, _, given = headers.get("authorization", "").partition(" ")
        return kind.lower() == "bearer" and self.is_token(given.strip().encode(), peer)

    def is_token(self, given: bytes, peer: str) -> bool:
        """Whether this is the token; a wrong one is counted.

        Raises:
            TooManyWrongTokensError: the peer must wait.
        """
        self._wrong.check(peer)
        if hmac.compare_digest(given, self._token):
            return True
        self._wrong.add(peer)
        return False

    def set_cookie(self, response: Response) -> None:
        """Adds the cookie of a login."""
        response.set_cookie(
            COOKIE,
            self._cookie.decode(),
            max_age=_COOKIE_SECONDS,
            httponly=True,
            samesite="strict",
        )
