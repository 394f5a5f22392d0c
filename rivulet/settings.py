"""Settings: one frozen dataclass per concern, read once from the command line, checked there.

A class of settings is both the options of a command and the value that is handed down:

    @dataclass(frozen=True)
    class PopularSettings:
        '''Popular items.

Attributes:
            popular_window: events that a ranking counts, in seconds of event time.
        '''

        popular_window: int = option(3600, "SECONDS", least=1)

A field is the option of its name (`--popular_window`). Its help is its text in the docstring,
followed by its default. `problems()`, where a class has it, names what is wrong with values
that are valid one by one.
"""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import math
import re
import sys
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NoReturn, TypeVar

S = TypeVar("S")

_OPTION = "rivulet.option"

PROGRAM: ContextVar[str | None] = ContextVar("program", default=None)
"""How the user called this program, where it was not by `python -m`."""


def program(module: str) -> str:
    """How messages name the program: `python -m training.train`, or `rivulet train`."""
    return PROGRAM.get() or module


def option(
    default: Any = dataclasses.MISSING,
    metavar: str | None = None,
    *,
    least: float | None = None,
    most: float | None = None,
    above: float | None = None,
    choices: Sequence[str] | None = None,
    parse: Callable[[str], Any] | None = None,
    shown: str | None = None,
    several: bool = False,
    separated: bool = False,
    secret: bool = False,
    hidden: bool = False,
) -> Any:
    """A field of a settings class that is an option of the command line.

    The option takes what the field's type says: `int`, `float`, `str`, `Path`, a `bool` that the
    option turns on, or a `tuple` that collects an option given several times. A type that may be
    None has None as its default.

    Args:
        default: the value where the option is not given; without one the option is required.
        metavar: the value's name in the help; for numbers its unit, such as SECONDS.
        least: the smallest number that is accepted.
        most: the largest number that is accepted.
        above: numbers must be greater than this.
        choices: the texts that are accepted.
        parse: from the text to the value; a ValueError's message is the error.
        shown: the default in words, for the help.
        several: a `tuple`'s option takes one or more values each time that it is given.
        separated: a `tuple`'s option takes its values in one text, separated by commas.
        secret: keep the value out of the dataclass's `repr`.
        hidden: leave the option out of the help.
    """
    details = {
        "metavar": metavar, "least": least, "most": most, "above": above,
        "choices": choices, "parse": parse, "shown": shown, "hidden": hidden,
        "several": several, "separated": separated,
    }  # fmt: skip
    return dataclasses.field(default=default, repr=not secret, metadata={_OPTION: details})


class ArgumentParser(argparse.ArgumentParser):
    """An argument parser whose errors are one line and exit status 2."""

    def __init__(self, **arguments: Any) -> None:
        arguments.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        # `rivulet train` and `python -m training.train` are the same program (`rivulet.cli`).
        if "prog" in arguments:
            arguments["prog"] = program(arguments["prog"])
        super().__init__(allow_abbrev=False, **arguments)

    def error(self, message: str) -> NoReturn:
        """Prints one line on stderr and exits with status 2."""
        refuse(self.prog, message)

    def add_settings(self, settings: type[Any]) -> None:
        """Adds the options of a settings class, in a group named by its docstring's first line.

        An option that several classes have is added with the first of them.
        """
        group = self.add_argument_group(_title(settings))
        texts = attribute_texts(settings)
        hints = typing.get_type_hints(settings)
        for field in dataclasses.fields(settings):
            if _OPTION in field.metadata and f"--{field.name}" not in self._option_string_actions:
                _add(group, field, hints[field.name], texts.get(field.name, ""))

    def settings_of(self, settings: type[S], given: argparse.Namespace) -> S:
        """The settings of a class from a parsed command line; its problems are errors."""
        values = {
            field.name: getattr(given, field.name)
            for field in dataclasses.fields(settings)  # type: ignore[arg-type]
            if _OPTION in field.metadata and hasattr(given, field.name)
        }
        values = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        }
        made = settings(**values)
        for problem in getattr(made, "problems", list)():
            self.error(problem)
        return made


def refuse(prog: str, message: str) -> NoReturn:
    """Ends the program because of a bad option: one line on stderr, exit status 2.

    Args:
        prog: how the program is called.
        message: what is wrong, and what to do.
    """
    one_line = " ".join(message.split())
    print(f"{prog}: {one_line} (--help explains the options)", file=sys.stderr)
    raise SystemExit(2)


def attribute_texts(documented: type[Any]) -> Mapping[str, str]:
    """The texts in the Attributes section of a class's docstring (Google style), by name."""
    _, _, section = inspect.getdoc(documented).partition("\nAttributes:\n")  # type: ignore[union-attr]
    found: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        if line and not line.startswith(" "):
            break
        if entry := re.match(r" {4}(\w+): *(.*)", line):
            name, found[entry[1]] = entry[1], entry[2]
        elif name and line.strip():
            found[name] += f" {line.strip()}"
    return found


class _StoreOnce(argparse.Action):
    """Stores a value; an option that is given twice is an error."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        given = namespace.__dict__.setdefault("_given", set())
        if self.dest in given:
            parser.error(f"{option_string} is given twice: it takes one value")
        given.add(self.dest)
        setattr(namespace, self.dest, values)


def _title(settings: type[Any]) -> str:
    return (inspect.getdoc(settings) or "").partition("\n")[0].rstrip(".")


def _add(group: Any, field: dataclasses.Field[Any], hint: Any, text: str) -> None:
    details = field.metadata[_OPTION]
    required = field.default is dataclasses.MISSING
    default = None if required else field.default
    value_type, repeated = _value_type(hint)
    arguments: dict[str, Any] = {"default": default, "dest": field.name}
    if value_type is bool:
        arguments["action"] = "store_true"
    else:
        arguments |= {"metavar": details["metavar"], "type": _parser_of(value_type, details)}
        arguments["action"] = _StoreOnce
        if details["choices"]:
            arguments |= {"choices": details["choices"]}
        if repeated and details["separated"]:
            arguments |= {"type": _all_of(arguments["type"])}
        elif repeated:
            arguments |= {"action": "append", "default": argparse.SUPPRESS}
            if details["several"]:
                arguments |= {"action": "extend", "nargs": "+"}
        if required:
            arguments["required"] = True
    arguments["help"] = argparse.SUPPRESS
    if not details["hidden"]:
        arguments["help"] = _help(text, details, required, value_type, default)
    group.add_argument(f"--{field.name}", **arguments)


def _help(
    text: str, details: Mapping[str, Any], required: bool, value_type: type, default: Any
) -> str:
    words = text.rstrip(".")
    shown = details["shown"]
    if shown is None and value_type is not bool and default is not None and default != ():
        shown = f"{default:g}" if isinstance(default, float) else str(default)
        if isinstance(default, tuple):
            shown = ",".join(map(str, default))
    if required:
        shown = "required"
    elif shown is not None:
        shown = f"default: {shown}"
    # argparse formats the help with %.
    return (f"{words} ({shown})" if shown else words).replace("%", "%%")


def _value_type(hint: Any) -> tuple[type, bool]:
    """The type of one value, and whether the option may be given several times."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        (hint,) = (part for part in typing.get_args(hint) if part is not type(None))
    if typing.get_origin(hint) is tuple:
        return typing.get_args(hint)[0], True
    return hint, False


def _parser_of(value_type: type, details: Mapping[str, Any]) -> Callable[[str], Any]:
    """From a text to a value of a type, within its limits."""

    def parse(text: str) -> Any:
        try:
            if details["parse"]:
                return details["parse"](text)
            if value_type not in (int, float):
                return value_type(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error
        try:
            value = value_type(text)
        except ValueError:
            value = math.nan
        wanted = _limits(value_type, details)
        least, most, above = details["least"], details["most"], details["above"]
        if (
            math.isnan(value)
            or (math.isinf(value) and most is None)
            or (least is not None and value < least)
            or (most is not None and value > most)
            or (above is not None and value <= above)
        ):
            raise argparse.ArgumentTypeError(f"{text!r} is not {wanted}")
        return value

    return parse


def _all_of(parse: Callable[[str], Any]) -> Callable[[str], tuple[Any, ...]]:
    """From a text of values separated by commas to the values."""
    return lambda text: tuple(parse(each.strip()) for each in text.split(","))


def _limits(value_type: type, details: Mapping[str, Any]) -> str:
    words = ["a whole number" if value_type is int else "a number"]
    if details["above"] is not None:
        words.append(f"above {details['above']:g}")
    if details["least"] is not None and details["most"] is not None:
        words.append(f"from {details['least']:g} to {details['most']:g}")
    elif details["least"] is not None:
        words.append(f"of at least {details['least']:g}")
    elif details["most"] is not None:
        words.append(f"of at most {details['most']:g}")
    return " ".join(words)


def existing_path(text: str) -> Path:
    """A path that exists; a `parse` for `option`.

    Raises:
        ValueError: nothing is there.
    """
    path = Path(text)
    if not path.exists():
        raise ValueError(f"there is no file or folder {text}")
    return path
