"""The errors of a run as one line each."""

from __future__ import annotations

import re

from rivulet.errors import PermanentError, UserError

_CAUSE = re.compile(r"^(?:Caused by: )?(?:[\w$.]+\.)?(\w+(?:Error|Exception|Exit)): (.+)$")
_RAISED = re.compile(r"^([A-Za-z_]\w*(?:\.\w+)+): ")
"""The last line of a Python traceback; Java's begin with `Caused by:` or `at`."""

_PREFIX = re.compile(r"^(RuntimeError: )?Pipeline \S+ failed in state \w+: ")
_OTHER_STATE = re.compile(r"Cannot map (checkpoint|savepoint)|Failed to rollback to checkpoint")
_INTERRUPT = re.compile(r"^(RuntimeError: )?KeyboardInterrupt\b")
_WHILE = re.compile(r"\s*\[while running '[^']*'\]")
LONGEST = 300


class RunnerError(UserError, ValueError):
    """The runner cannot do what was asked: one line that says why and what to do."""


def without_step(error: BaseException) -> str:
    """An error's message, without the step's name that the runner appends."""
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


def is_permanent(trace: str) -> bool:
    """Whether what a worker raised, as its traceback names it, is a PermanentError."""
    found = [_RAISED.match(line.strip()) for line in trace.splitlines()]
    names = [match[1] for match in found if match]
    return bool(names) and names[-1] in _names_of(PermanentError)


def _names_of(error: type[BaseException]) -> set[str]:
    """The full names of an error and of those that are derived from it."""
    found = {f"{error.__module__}.{error.__qualname__}"}
    return found.union(*(_names_of(derived) for derived in error.__subclasses__()))


def is_other_state(error: BaseException) -> bool:
    """Whether Flink refused a savepoint because its state is not that of this job."""
    return _OTHER_STATE.search(str(error)) is not None


def is_interrupt(error: BaseException) -> bool:
    """Whether a runner that works in this thread has made an error of Ctrl-C."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return bool(lines) and bool(_INTERRUPT.match(lines[-1]))
