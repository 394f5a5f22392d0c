"""Crashes at random points of the main job at full speed, on a standalone Flink cluster.

    python -m tests.chaos [--points 3] [--events 240000]

The job reads Kafka and writes to MongoDB, MariaDB and Redis. After each run all rows, documents and
keys are compared with those of an undisturbed run, and those with a batch run over the file.
"""

from __future__ import annotations

import random
import sqlite3
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from pipelines import recommend, replay, simulate
from rivulet.settings import ArgumentParser, option
from tests.chaos.faults import FAULTS
from tests.chaos.run import Run
from tests.chaos.site import TABLES, Site, site
from tests.flink.stream import make_topic, sqlite_flags

PARTITIONS = 4
SETTLE_S = 120.0
SAVEPOINT = "savepoint, other parallelism"


@dataclass(frozen=True)
class ChaosSettings:
    """Crashes.

    Attributes:
        points: random points for each fault.
        events: events of the stream.
        seed: seed of the stream and of the points.
        only: the only fault to run.
    """

    points: int = option(3, "N", least=1)
    events: int = option(240_000, "N", least=1_000)
    seed: int = option(0, "SEED", least=0)
    only: str | None = option(None, choices=(*FAULTS, SAVEPOINT), shown="all faults")


class Outcome(NamedTuple):
    fault: str
    point: str
    seconds: str
    resumed_from: str
    duplicates: int
    lost: int
    wrong: int


def compare(found: dict[str, Any], expected: dict[str, Any]) -> tuple[int, int]:
    """The number of missing rows, and of rows that are not expected."""
    lost = wrong = 0
    for name in found.keys() | expected.keys():
        a, b = found.get(name), expected.get(name)
        if a == b:
            continue
        if not isinstance(a, list) or not isinstance(b, list) or name.startswith("redis"):
            lost, wrong = lost + (a is None), wrong + (a is not None)
            continue
        have, want = ({repr(_plain(row)) for row in rows} for rows in (a, b))
        lost += len(want - have)
        wrong += len(have - want)
    return lost, wrong


def _plain(row: Any) -> Any:
    """A document without its id, which MongoDB generates."""
    return {k: v for k, v in sorted(row.items()) if k != "_id"} if isinstance(row, dict) else row


def everything(here: Site) -> dict[str, Any]:
    """The contents of all stores, sorted."""
    found = here.stores.everything()
    for name, rows in found.items():
        if name.startswith("mongo"):
            found[name] = sorted(map(_plain, rows), key=repr)
    return found


def settled(here: Site, run: Run, expected: dict[str, Any], rows: int) -> dict[str, Any]:
    """The contents of all stores at the end of a run."""
    run.wait_for(rows)
    end = time.monotonic() + SETTLE_S
    while (found := everything(here)) != expected and time.monotonic() < end:
        time.sleep(1)
    return found


def trial(
    here: Site, folder: Path, url: str, name: str, point: float, expected: dict[str, Any], rows: int
) -> Outcome:
    """A run with one fault, when the fraction `point` of the rows is written."""
    here.clear()
    before = here.inserts()
    with Run(here, folder, url) as run:
        run.submit()
        run.wait_for(int(point * rows))
        if name == SAVEPOINT:
            started = time.monotonic()
            savepoint = run.stop()
            run.submit(f"--savepoint={savepoint}", "--parallelism=1")
            recovered = run.next_checkpoint(time.monotonic())
        else:
            started = FAULTS[name](here)
            if name == "job manager":
                run.kill()
                # Before the first checkpoint there is no state to resume from.
                retained = any(here.cluster.checkpoints.glob("**/_metadata"))
                run.submit(*([f"--savepoint={here.cluster.checkpoints}"] if retained else []))
            recovered = (
                run.next_row(started + 1) if name == "broker" else run.next_checkpoint(started)
            )
        resumed_from = run.restored() or ("" if name == "broker" else "the beginning")
        found = settled(here, run, expected, rows)
        lost, wrong = compare(found, expected)
        duplicates = here.inserts() - before - here.inserted()
    seconds = f"{recovered - started:.1f}"
    return Outcome(name, f"{point:.0%}", seconds, resumed_from, duplicates, lost, wrong)


def undisturbed(here: Site, folder: Path, url: str, path: Path) -> tuple[dict[str, Any], int]:
    """The tables of a run without a fault, compared with those of a batch run over the file."""
    folder.mkdir()
    batch = folder / "batch.db"
    flags = sqlite_flags(batch)
    assert recommend.main([f"--input={path}", *flags]) == 0
    with sqlite3.connect(batch) as connection:
        wanted = {
            table: sorted(connection.execute(f"SELECT * FROM {table}"))  # noqa: S608
            for table in TABLES
        }
    rows = sum(map(len, wanted.values()))
    with Run(here, folder, url) as run:
        run.submit()
        run.wait_for(rows)
        time.sleep(2)
        found = everything(here)
    for table, expected in wanted.items():
        assert found[f"mysql {table}"] == expected, f"{table} is not that of the batch run"
    return found, rows


def main() -> int:
    """Runs all faults and prints the table."""
    parser = ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_settings(ChaosSettings)
    chosen = parser.settings_of(ChaosSettings, parser.parse_args())
    rng = random.Random(chosen.seed)
    console = Console()
    table = Table(title=f"Crashes, {chosen.events:,} events at full speed, parallelism 2")
    for column in (
        "fault", "at", "recovered in s", "resumed from", "duplicates", "rows lost", "rows wrong"
    ):  # fmt: skip
        table.add_column(column, justify="left" if column == "fault" else "right", no_wrap=True)
    bad = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "stream.csv"
        simulate.main(
            [f"--output={path}", f"--events={chosen.events}", "--users=1500", "--rate=50",
             f"--seed={chosen.seed}", "--duplicates=0.01"]
        )  # fmt: skip
        with site(folder / "servers") as here:
            url = make_topic(here.kafka, "clicks", PARTITIONS)
            assert replay.main([f"--input={path}", f"--output={url}"]) == 0
            expected, rows = undisturbed(here, folder / "undisturbed", url, path)
            names = [*FAULTS, SAVEPOINT]
            for fault in names if chosen.only is None else [chosen.only]:
                for number in range(1 if fault == SAVEPOINT else chosen.points):
                    point = rng.uniform(0.1, 0.9)
                    outcome = trial(
                        here, folder / f"{fault[:4]}-{number}", url, fault, point, expected, rows
                    )
                    console.print(*outcome)
                    table.add_row(*map(str, outcome))
                    bad += outcome.lost + outcome.wrong
                    for manager in here.cluster.task_managers:
                        manager.restart()  # Unloads the classes of the job.
    console.print(table)
    return int(bad > 0)


if __name__ == "__main__":
    raise SystemExit(main())
