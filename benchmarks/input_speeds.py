"""The main job's speed on inputs that differ in one thing. No model ranks; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.pipeline import NO_SINKS, run_job, timed
from pipelines import recommend


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
    seconds: dict[str, float] = {}
    for kind, source in runs.items():
        folder = Path(source[0].removeprefix("--input=")).parent
        flags = (*source, f"--dead_letters={folder / 'dead.jsonl'}", "--model=none", *NO_SINKS)
        seconds[kind] = timed(partial(run_job, recommend.JOB, *flags))
    first = next(iter(seconds.values()))
    table = Table(title=title)
    for name in (column, "seconds", "events a second", share):
        table.add_column(name, justify="left" if name == column else "right")
    for kind, spent in seconds.items():
        table.add_row(kind, f"{spent:.1f}", f"{events / spent:,.0f}", f"{first / spent:.2f}")
    Console().print(table)
