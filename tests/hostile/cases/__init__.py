"""The cases of input, peers and stores that do not behave, and their page of the documentation."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from tests.hostile.cases import events, jobs, models, outside, server

CASES = (*events.CASES, *outside.CASES, *models.CASES, *server.CASES, *jobs.CASES)


def markdown() -> str:
    """The cases as tables, one for each kind."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Hostile input"
    yield ""
    yield "What Rivulet does about input, peers and stores that do not behave. Each row is held by"
    yield "tests, which `tests/hostile/cases` names; this page is made from it."
    for kind, cases in groupby(CASES, lambda case: case.kind):
        yield from ("", f"## {kind}", "", "| Input | What the user sees | What is kept |")
        yield "|---|---|---|"
        for case in cases:
            yield f"| {case.given} | {case.seen} | {case.kept} |"
