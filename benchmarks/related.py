"""Events a second of the related items' branch, beside those of the popular items' branch.

    python -m benchmarks.related [--events 2000000] [--rate 500] [--runs 3]

Both branches read the same file on the DirectRunner, close panes and write to no store. The stream
is `pipelines.simulate`'s. Imports are not included in the times. A figure is the median of the
runs, which take turns, with the smallest and the largest.
"""

from __future__ import annotations

import dataclasses
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.options import read_settings
from benchmarks.pipeline import run_job, timed
from pipelines import popular
from pipelines.graph.graph import close_panes, write_job, write_related
from pipelines.graph.job_graph import JobGraph
from pipelines.simulate import main as simulate
from rivulet.settings import option

_NONE: tuple[str, ...] = ("popular items",)
_CASES: tuple[tuple[str, ...], ...] = (
    _NONE,
    ("related items", "bought"),
    ("related items", "viewed"),
)


@dataclass(frozen=True)
class RelatedBenchmarkSettings:
    """Benchmark.

    Attributes:
        events: events of the stream.
        rate: events a second of event time.
        runs: runs of each case.
    """

    events: int = option(2_000_000, "N", least=1)
    rate: float = option(500.0, "N", above=0)
    runs: int = option(3, "N", least=1)


def _related_alone(job: JobGraph) -> None:
    write_related(job, close_panes(job))
    write_job(job)


RELATED = dataclasses.replace(popular.JOB, build=_related_alone)


def main() -> None:
    """Measures and prints the table."""
    chosen = read_settings("related", __doc__, RelatedBenchmarkSettings)
    seconds: dict[tuple[str, ...], list[float]] = {case: [] for case in _CASES}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stream.csv"
        simulate([f"--output={path}", f"--events={chosen.events}", f"--rate={chosen.rate}"])
        flags = [
            f"--input={path}", f"--dead_letters={Path(folder) / 'dead.jsonl'}",
            "--popular_sink=none",
        ]  # fmt: skip
        run_job(popular.JOB, *flags)  # Imports.
        for _ in range(chosen.runs):
            for case in _CASES:
                job = popular.JOB if case is _NONE else RELATED
                more = [f"--related={kind}" for kind in case[1:]]
                seconds[case].append(timed(lambda j=job, m=more: run_job(j, *flags, *m)))  # type: ignore[misc]
    table = Table(title=f"{chosen.events:,} events, DirectRunner, one process")
    for name in ("branch", "events a second", "smallest, largest", "of the popular items"):
        table.add_column(name, justify="left" if name == "branch" else "right")
    base = statistics.median(seconds[_NONE])
    for case, taken in seconds.items():
        speeds = [chosen.events / one for one in taken]
        table.add_row(
            ", ".join(case),
            f"{statistics.median(speeds):,.0f}",
            f"{min(speeds):,.0f}, {max(speeds):,.0f}",
            f"{base / statistics.median(taken):.0%}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
