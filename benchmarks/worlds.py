"""Runs a function in worlds, each in a process of its own, and says what their mean is."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, TypeVar

import numpy as np
from rich.progress import Progress

from training.cli import progress_console

T = TypeVar("T")

STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""97.5% points of Student's t with 1, 2 .. degrees of freedom."""


def over_worlds(
    run: Callable[..., T],
    worlds: Iterable[tuple[Any, ...]],
    workers: int | None = None,
    name: str = "worlds",
    fork: bool = False,
) -> list[T]:
    """What a function returns in each world, with a progress bar.

    Args:
        run: the function; other processes import it by its name.
        worlds: its arguments in each world.
        workers: processes at a time; None for the number of processors.
        name: of what the bar counts.
        fork: whether the processes have what this one has in memory; only where no thread of
            this process computes.

    Returns:
        The results, in the order of the worlds.
    """
    context = get_context("fork" if fork else "spawn")
    with (
        Progress(console=progress_console, transient=True) as progress,
        ProcessPoolExecutor(workers or os.cpu_count(), context) as pool,
    ):
        runs = [pool.submit(run, *arguments) for arguments in worlds]
        return [each.result() for each in progress.track(runs, description=name)]


def interval(values: list[float]) -> str:
    """The mean of some values and half of its 95% interval (Student's t)."""
    mean, n = float(np.mean(values)), len(values)
    half = STUDENT[n - 2] * float(np.std(values, ddof=1)) / n**0.5
    return f"{mean:.3f} ±{half:.3f}"
