"""The command lines of the benchmarks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from rivulet.settings import ArgumentParser

S = TypeVar("S")


def read_settings(
    name: str, description: str | None, settings: type[S], argv: Sequence[str] | None = None
) -> S:
    """The settings of a benchmark's command line; ends the program where they are wrong.

    Args:
        name: the module's name, as in `python -m benchmarks.NAME`.
        description: the module's docstring.
        settings: the settings class.
        argv: the command line without the program's name; None for `sys.argv`'s.
    """
    return read_settings_and_rest(name, description, settings, argv, rest=False)[0]


def read_settings_and_rest(
    name: str,
    description: str | None,
    settings: type[S],
    argv: Sequence[str] | None = None,
    rest: bool = True,
) -> tuple[S, list[str]]:
    """The settings of a benchmark's command line, and the options that it does not know.

    Args:
        name: the module's name, as in `python -m benchmarks.NAME`.
        description: the module's docstring.
        settings: the settings class.
        argv: the command line without the program's name; None for `sys.argv`'s.
        rest: accept unknown options.
    """
    parser = ArgumentParser(prog=f"python -m benchmarks.{name}", description=description)
    parser.add_settings(settings)
    given, unknown = parser.parse_known_args(argv)
    if unknown and not rest:
        parser.error(f"unknown option {unknown[0]}")
    return parser.settings_of(settings, given), unknown
