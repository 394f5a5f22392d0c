"""What went wrong with Kafka, in words for people and without secrets.

kafka-python tries again for as long as it may and then says that it had no answer; why it had
none, it only logs. So its log is listened to while a client is made.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from typing import TypeVar

from kafka.errors import (
    AuthorizationError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    RequestTimedOutError,
    SaslAuthenticationFailedError,
)

REFUSED = (SaslAuthenticationFailedError, AuthorizationError)
"""Errors that no further try mends."""

QUICK_MS, PATIENT_MS = 2_500, 10_000
"""How long the two tries to make a client may take: what is hopeless is known after the first."""

_HOPELESS = (*REFUSED, FileNotFoundError, ssl.SSLCertVerificationError)
_SAY_NOTHING = (KafkaTimeoutError, RequestTimedOutError)

Client = TypeVar("Client")


class _Listener(logging.Handler):
    """Keeps the error that says most of those that go by."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        for value in record.args if isinstance(record.args, tuple) else ():
            if not isinstance(value, BaseException) or isinstance(value, _SAY_NOTHING):
                continue
            # A broker that has said why hangs up on the next tries without a word.
            if self.heard is None or not isinstance(value, KafkaConnectionError):
                self.heard = value


def reach(make: Callable[[int], Client]) -> Client:
    """Makes a client; the error that it may raise says why there is none.

    Args:
        make: makes it, within so many milliseconds.

    Raises:
        KafkaError: one of REFUSED, or what the client raised, caused by what it had logged.
    """
    logger = logging.getLogger("kafka.net")
    listener = _Listener()
    logger.addHandler(listener)
    try:
        for wait in (QUICK_MS, PATIENT_MS):
            try:
                return make(wait)
            except KafkaError as error:
                if isinstance(listener.heard, REFUSED):
                    raise listener.heard from None
                if wait == PATIENT_MS or isinstance(listener.heard, _HOPELESS):
                    raise error from listener.heard
    finally:
        logger.removeHandler(listener)
    raise AssertionError("unreachable")


def words(error: BaseException) -> str:
    """What an error means."""
    if isinstance(error, SaslAuthenticationFailedError):
        return "the broker refuses the user or the password"
    if isinstance(error, AuthorizationError):
        return f"the broker refuses the user this ({type(error).__name__})"
    cause = error.__cause__
    if isinstance(cause, FileNotFoundError):
        return "there is no such file as is named by ssl_cafile, ssl_certfile or ssl_keyfile"
    if isinstance(cause, KafkaConnectionError) and "disconnected" in str(cause):
        return "the broker hangs up: a wrong security_protocol, user or password?"
    why = f": {cause}" if cause else ""
    return f"no broker answers ({type(error).__name__}{why})"
