"""What the training commands share: progress bars, exit statuses, the check of a device."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

progress_console = Console(stderr=True)
"""Where progress goes; results go to the standard output."""


def device(text: str) -> str:
    """A PyTorch device that works on this machine; a `parse` for `rivulet.settings.option`.

    Raises:
        ValueError: there is no such device.
    """
    if text == "cpu":
        return text
    import torch  # takes seconds

    try:
        torch.empty(0, device=torch.device(text))
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"{text!r} is no device that works here") from error
    return text


def progress_bar() -> Progress:
    """A bar for each stage of long work: its name, how much is done, elapsed time."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=progress_console,
        transient=True,
    )


def fail(prog: str, error: object) -> NoReturn:
    """Ends a command whose input cannot be used: one line on stderr, exit status 2."""
    print(f"{prog}: {' '.join(str(error).split())}", file=sys.stderr)
    raise SystemExit(2)


def run_command(main: Callable[[], int]) -> NoReturn:
    """Runs `main` and exits with its status; Ctrl-C is one line and status 130."""
    try:
        status = main()
    except KeyboardInterrupt:
        progress_console.print("stopped by Ctrl-C")
        status = 130
    sys.exit(status)
