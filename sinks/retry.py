"""Retries while a store is unavailable."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol

import tenacity

from transforms.progress import SHARED_PROGRESS, ProgressCounters

_LOG = logging.getLogger(__name__)

FIRST_WAIT = 0.2
"""Seconds before the second attempt, at the most; the limit doubles with each attempt."""

LONGEST_WAIT = 10.0
"""Seconds between two attempts, at the most."""


class Retryable(Protocol):
    """A store, or another place that rows are written to.

    Attributes:
        name: what messages call it, without secrets.
    """

    name: str

    def is_outage(self, error: BaseException) -> bool:
        """Whether it is expected to recover from `error`."""


def retry_outages(
    store: Retryable,
    on_retry: Callable[[], None] = lambda: None,
    progress: ProgressCounters = SHARED_PROGRESS,
) -> Callable[..., Any]:
    """Calls functions again, with exponential backoff and jitter, while the store is unavailable.

    Args:
        store: says which errors are outages; others are raised at once.
        on_retry: called after each failed attempt.
        progress: the job's counters, which name the stores that do not answer.

    Returns:
        A function that calls its first argument with the others: `retry_outages(store)(do, x)`.
    """

    def report(state: tenacity.RetryCallState) -> None:
        on_retry()
        progress.record_retries(store.name, state.attempt_number)
        error = state.outcome.exception() if state.outcome else None
        _LOG.warning(
            "%s does not answer (%s); attempt %d follows",
            store.name, error_line(error), state.attempt_number + 1,
        )  # fmt: skip

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(store.is_outage),
        wait=tenacity.wait_random_exponential(multiplier=FIRST_WAIT, max=LONGEST_WAIT),
        before_sleep=report,
        reraise=True,
    )

    def call(do: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return retrying(do, *arguments)
        finally:
            progress.record_retries(store.name, 0)

    return call


def error_line(error: BaseException | None) -> str:
    """An error as one short line. Drivers' messages name hosts and users, never passwords."""
    text = str(getattr(error, "orig", None) or error).split(", full error: ")[0]
    return f"{type(error).__name__}: {text.splitlines()[0][:200] if text else ''}"
