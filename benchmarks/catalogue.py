"""What a catalogue costs the main job: a million items, of which 1% change in a minute.

    python -m benchmarks.catalogue [--events 500000] [--items 1000000] [--repeats 3] [--ranks]

Two figures. The first is what the job's steps cost: the same stream with and without the catalogue,
in turns, where a row of the catalogue's file changes an item every 6 ms of event time. The times
are of the run alone: the file is read before. The second is what it costs to follow changes: the
processor time in which a process takes up what changed in a minute, from a file that is read again
and from records of a topic, as a share of that minute. No model ranks but with `--ranks`, and
nothing is written. The cost is the median of the rounds', each of which runs both kinds.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
from rich.console import Console
from rich.table import Table

from benchmarks.options import read_settings
from benchmarks.pipeline import NO_SINKS
from pipelines import recommend
from pipelines.running.runners import make_runner
from pipelines.simulate import main as simulate
from rivulet.settings import option
from sources.catalogue.follow_file import FileCatalogue, FollowedFile
from sources.catalogue.values import CatalogueRecord, parse_records
from transforms.catalogue.timeline import Timeline

CHANGED = 0.01
"""Share of the items that change in a minute."""

_NAMES = ("item", "available", "updated", "category", "price", "created")


@dataclass(frozen=True)
class CatalogueBenchmarkSettings:
    """Benchmark.

    Attributes:
        events: events of the stream.
        rate: events in a second of event time.
        items: items of the catalogue.
        repeats: runs of each kind.
        ranks: the model that comes with Rivulet ranks, which knows the simulator's items.
    """

    events: int = option(500_000, "N", least=1)
    rate: int = option(500, "N", least=1)
    items: int = option(1_000_000, "N", least=1_000)
    repeats: int = option(3, "N", least=2)
    ranks: bool = option(False)


def main() -> None:
    """Measures and prints the tables."""
    chosen = read_settings("catalogue", __doc__, CatalogueBenchmarkSettings)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clicks = folder / "clicks.csv"
        options = [f"--output={clicks}", f"--events={chosen.events}", f"--rate={chosen.rate}"]
        simulate(options)
        times = pa_csv.read_csv(clicks).column("time").to_numpy()
        items = folder / "items.csv"
        _write(items, chosen.items, int(times.min()), int(times.max()))
        _compare_runs(chosen, clicks, items)
        _follow(chosen, folder)


def _write(path: Path, items: int, first: int, last: int) -> None:
    """The catalogue: each item once, and its changes from the first to the last event."""
    rng = np.random.default_rng(0)
    changes = int(items * CHANGED * (last - first) / 60)
    ids = np.concatenate((np.arange(items), rng.integers(0, items, changes)))
    updated = np.concatenate((np.full(items, first - 86_400), np.linspace(first, last, changes)))
    _csv(path, ids, updated.astype(np.int64), rng)


def _csv(path: Path, ids: np.ndarray, updated: np.ndarray, rng: np.random.Generator) -> None:
    n = len(ids)
    columns = (
        ids,
        rng.random(n) < 0.95,
        updated,
        rng.integers(0, 300, n),
        np.round(rng.uniform(1, 100, n), 2),
        updated - 1000,
    )
    pa_csv.write_csv(pa.table(dict(zip(_NAMES, columns, strict=True))), path)


def _compare_runs(chosen: CatalogueBenchmarkSettings, clicks: Path, items: Path) -> None:
    model = () if chosen.ranks else ("--model=none",)
    plain = (f"--input={clicks}", f"--dead_letters={clicks.parent / 'dead.jsonl'}", *model)
    runs = {"without": plain, "with --items": (*plain, f"--items={items}")}
    seconds: dict[str, list[float]] = {kind: [] for kind in runs}
    _run(*plain)  # Imports and first pages.
    for _ in range(chosen.repeats):
        for kind, flags in runs.items():
            seconds[kind].append(_run(*flags))
    table = Table(title="The main job on DirectRunner, one process")
    columns = ("catalogue", "seconds (median)", "from", "to", "events a second", "cost", "range")
    for column in columns:
        table.add_column(column, justify="left" if column == "catalogue" else "right")
    for kind, spent in seconds.items():
        middle = statistics.median(spent)
        cost = [1 - base / each for base, each in zip(seconds["without"], spent, strict=True)]
        table.add_row(
            kind, f"{middle:.2f}", f"{min(spent):.2f}", f"{max(spent):.2f}",
            f"{chosen.events / middle:,.0f}", f"{statistics.median(cost):.1%}",
            f"{min(cost):.1%} to {max(cost):.1%}",
        )  # fmt: skip
    Console().print(table)


def _run(*flags: str) -> float:
    """Processor seconds of a run; what is read before it starts does not count."""
    options = recommend.JOB.options((*flags, *NO_SINKS))
    pipeline = beam.Pipeline(runner=make_runner(options, bounded=True), options=options.beam)
    recommend.JOB.construct(pipeline, options)
    started = time.process_time()
    pipeline.run().wait_until_finish()
    return time.process_time() - started


def _follow(chosen: CatalogueBenchmarkSettings, folder: Path) -> None:
    now = int(time.time())
    path, rng = folder / "followed.csv", np.random.default_rng(1)
    _csv(path, np.arange(chosen.items), np.full(chosen.items, now - 3600), rng)
    started = time.process_time()
    clock = [float(now)]
    view = FollowedFile(FileCatalogue(str(path), now, follow=True), lambda: clock[0])
    table = Table(title=f"Processor time for a catalogue of {chosen.items:,} items, one process")
    for column in ("what", "seconds", "share of a minute"):
        table.add_column(column, justify="left" if column == "what" else "right")
    spent = time.process_time() - started
    table.add_row("the file is read first", f"{spent:.2f}", "-")
    _csv(path, np.arange(chosen.items), np.full(chosen.items, now - 3600), rng)
    started = time.process_time()
    clock[0] += 60
    view.at(now + 60)
    spent = time.process_time() - started
    table.add_row("the file is read again", f"{spent:.2f}", f"{spent / 60:.1%}")
    timeline, n = Timeline(now), int(chosen.items * CHANGED)
    timeline.add(
        np.arange(chosen.items), np.full(chosen.items, now - 9), np.ones(chosen.items, bool)
    )
    value = {"available": False, "category": "shoes", "price": 3.5, "title": "a title of an item"}
    changed = rng.choice(chosen.items, n, replace=False)
    records = [
        CatalogueRecord(b"%d" % item, json.dumps(value).encode(), now * 1000) for item in changed
    ]
    started = time.process_time()
    rows = parse_records(records)
    timeline.add(rows.item, rows.updated, rows.available)
    timeline.at(now + 20)
    spent = time.process_time() - started
    table.add_row(f"{n:,} records of a topic", f"{spent:.2f}", f"{spent / 60:.1%}")
    Console().print(table)


if __name__ == "__main__":
    main()
