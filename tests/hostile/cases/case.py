"""A case of hostile input."""

from __future__ import annotations

from typing import NamedTuple


class Case(NamedTuple):
    """A case.

    Attributes:
        kind: what misbehaves.
        given: the input.
        seen: what the user sees.
        kept: what is kept.
        tests: the tests that hold it, as FILE::TEST below `tests/`.
    """

    kind: str
    given: str
    seen: str
    kept: str
    tests: tuple[str, ...]


HERE = "hostile"
"""The folder of the tests that lie with no package."""
