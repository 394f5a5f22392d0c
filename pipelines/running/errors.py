"""Errors of a run, in words for people."""

from __future__ import annotations

import re

from rivulet.errors import UserError

_CAUSE = re.compile(r"^(?:Caused by: )?(?:[\w$.]+\.)?(\w+(?:Error|Exception|Exit)): (.+)$")
_PREFIX = re.compile(r"^(RuntimeError: )?Pipeline \S+ failed in state \w+: ")
_WHILE = re.compile(r"\s*\[while running '[^']*'\]")
LONGEST = 300


class RunnerError(UserError, ValueError):
    """The runner cannot do what was asked: one line that says why and what to do."""


def without_step(error: BaseException) -> str:
    """An error's words, without the step's name that the runner has put behind them."""
    return _WHILE.sub("", str(error))


def cause(error: BaseException) -> str:
    """The reason why a job failed, in one line: the last error that a worker's traceback names.

    Args:
        error: what the runner raised; runners put whole tracebacks into its text.
    """
    found = [match for line in str(error).splitlines() if (match := _CAUSE.match(line.strip()))]
    python = [match for match in found if not match[0].startswith("Caused by: ")]
    if python or found:
        name, words = (python or found)[-1].groups()
        text = f"{name}: {words}"
    else:
        lines = [line for line in str(error).splitlines() if line.strip()]
        text = f"{type(error).__name__}: {lines[0].strip() if lines else ''}"
    return _WHILE.sub("", _PREFIX.sub("", text)).replace("\\n", " ")[:LONGEST]
