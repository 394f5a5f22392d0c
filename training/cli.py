"""What the training commands share on the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

progress_console = Console(stderr=True)
"""Where progress goes; results go to the standard output."""


class Parser(argparse.ArgumentParser):
    """An argument parser whose `--help` shows defaults and whose errors are one line."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.ArgumentDefaultsHelpFormatter)
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Print one line on stderr and leave with status 2."""
        self.exit(2, f"{self.prog}: error: {message}\n")


def at_least(least: int) -> Callable[[str], int]:
    """An argparse type: a whole number of at least `least`."""

    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least {least}")
        return value

    return number


def positive(text: str) -> float:
    """An argparse type: a number above 0."""
    return _within(text, 0.0, float("inf"), "a number above 0", open_low=True)


def share(text: str) -> float:
    """An argparse type: a part of the whole, in [0, 1]."""
    return _within(text, 0.0, 1.0, "a part between 0 and 1")


def device(text: str) -> str:
    """An argparse type: a device of PyTorch's that works here."""
    import torch  # Here, so that commands without a network start fast.

    try:
        torch.empty(0, device=torch.device(text))
    except (RuntimeError, AssertionError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no device that works here") from error
    return text


def _within(text: str, low: float, high: float, kind: str, *, open_low: bool = False) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not (low <= value <= high) or (open_low and value == low) or value == float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not {kind}")
    return value


def progress_bar() -> Progress:
    """A bar for each stage of long work: what, how much of how much, and for how long."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=progress_console,
        transient=True,
    )


def run_command(main: Callable[[], int]) -> NoReturn:
    """Run `main` and exit with its status; Ctrl-C is one line and status 130."""
    try:
        status = main()
    except KeyboardInterrupt:
        progress_console.print("stopped by Ctrl-C")
        status = 130
    sys.exit(status)
