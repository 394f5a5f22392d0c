"""The main job's speed on inputs that differ in one thing. No model ranks; nothing is written.

A run's time is the processor time of the process: what else runs on the machine hardly changes it.
The inputs take turns, so that a slow minute of the machine falls on all of them.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.pipeline import NO_SINKS, run_job
from pipelines import recommend

ROUNDS = 5
"""Times that each input is read."""


def print_speeds(
    title: str, column: str, share: str, runs: Mapping[str, Sequence[str]], events: int
) -> None:
    """Runs the job on each input and prints a table.

    Args:
        title: of the table.
        column: title of the column that names the inputs.
        share: title of the column that compares an input's speed with the first one's.
        runs: by name, the options that say what is read; the dead letters go beside the input.
        events: events of each input.
    """
    spent: dict[str, list[float]] = {kind: [] for kind in runs}
    _seconds(next(iter(runs.values())))  # Imports.
    for _ in range(ROUNDS):
        for kind, source in runs.items():
            spent[kind].append(_seconds(source))
    first = next(iter(spent.values()))
    table = Table(title=title)
    for name in (column, "CPU seconds", "from", "to", "events a CPU second", share):
        table.add_column(name, justify="left" if name == column else "right")
    for kind, seconds in spent.items():
        middle = statistics.median(seconds)
        ratio = statistics.median(a / b for a, b in zip(first, seconds, strict=True))
        table.add_row(
            kind, f"{middle:.1f}", f"{min(seconds):.1f}", f"{max(seconds):.1f}",
            f"{events / middle:,.0f}", f"{ratio:.2f}",
        )  # fmt: skip
    Console().print(table)


def _seconds(source: Sequence[str]) -> float:
    """Processor seconds of a run."""
    folder = Path(source[0].removeprefix("--input=")).parent
    flags = (*source, f"--dead_letters={folder / 'dead.jsonl'}", "--model=none", *NO_SINKS)
    started = time.process_time()
    run_job(recommend.JOB, *flags)
    return time.process_time() - started
