"""Errors of Kafka, in words for users and without secrets.

kafka-python retries until its timeout and then reports only the timeout. The cause is in its
log, so that a handler listens to the log while a client connects.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from typing import TypeVar

from kafka.errors import (
    AuthorizationError,
    CorruptRecordError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    LogTruncationError,
    RequestTimedOutError,
    SaslAuthenticationFailedError,
    UnsupportedCodecError,
)

PERMANENT = (
    SaslAuthenticationFailedError,
    AuthorizationError,
    UnsupportedCodecError,
    CorruptRecordError,
)
"""Errors that a retry does not resolve."""

QUICK_MS, PATIENT_MS = 2_500, 10_000
"""Timeouts of the two attempts to connect: a permanent error is known after the first."""

_NO_RETRY = (*PERMANENT, FileNotFoundError, ssl.SSLCertVerificationError)
_UNINFORMATIVE = (KafkaTimeoutError, RequestTimedOutError)

Client = TypeVar("Client")


class _CauseListener(logging.Handler):
    """Keeps the most informative error that is logged."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.cause: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        for value in record.args if isinstance(record.args, tuple) else ():
            if not isinstance(value, BaseException) or isinstance(value, _UNINFORMATIVE):
                continue
            # A broker that has refused a client once closes its next connections silently.
            if self.cause is None or not isinstance(value, KafkaConnectionError):
                self.cause = value


def connect_or_explain(make: Callable[[int], Client]) -> Client:
    """Makes a client; an error says why there is none.

    Args:
        make: makes the client; its argument is the timeout in milliseconds.

    Raises:
        KafkaError: one of PERMANENT, or what the client raised, caused by what it had logged.
    """
    logger = logging.getLogger("kafka.net")
    listener = _CauseListener()
    logger.addHandler(listener)
    try:
        for wait in (QUICK_MS, PATIENT_MS):
            try:
                return make(wait)
            except KafkaError as error:
                if isinstance(listener.cause, PERMANENT):
                    raise listener.cause from None
                if wait == PATIENT_MS or isinstance(listener.cause, _NO_RETRY):
                    raise error from listener.cause
    finally:
        logger.removeHandler(listener)
    raise AssertionError("unreachable")


def describe(error: BaseException) -> str:
    """What an error means, in one line."""
    if isinstance(error, SaslAuthenticationFailedError):
        return "the broker refuses the user or the password"
    if isinstance(error, AuthorizationError):
        return f"the broker does not authorize the user ({type(error).__name__})"
    if isinstance(error, UnsupportedCodecError):
        return f"the records' compression cannot be decoded: {_one_line(error)}"
    if isinstance(error, CorruptRecordError):
        return f"a record is corrupt and cannot be decoded: {_one_line(error)}"
    if isinstance(error, LogTruncationError):
        return "the partition's log was truncated; its records are read from the same offset on"
    cause = error.__cause__
    if isinstance(cause, FileNotFoundError):
        return "there is no such file as is named by ssl_cafile, ssl_certfile or ssl_keyfile"
    if isinstance(cause, KafkaConnectionError) and "disconnected" in str(cause):
        return "the broker closes the connection: a wrong security_protocol, user or password?"
    why = f": {cause}" if cause else ""
    return f"no broker answers ({type(error).__name__}{why})"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
