"""Crashes at random points of the main job at full speed, on a standalone Flink cluster.

    python -m tests.chaos [--points 3] [--events 240000]

From a real Kafka into real MongoDB, MariaDB and Redis. After each run all rows, documents and
keys are compared with those of an undisturbed run, and those with a batch run over the file.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from pipelines import recommend, replay, simulate
from tests.chaos.faults import FAULTS
from tests.chaos.run import Run
from tests.chaos.site import TABLES, Site, site
from tests.flink.stream import make_topic, sqlite_flags

PARTITIONS = 4
SETTLE_S = 30.0


class Outcome(NamedTuple):
    fault: str
    point: str
    seconds: str
    resumed_from: str
    duplicates: int
    lost: int
    wrong: int


def compare(found: dict[str, Any], expected: dict[str, Any]) -> tuple[int, int]:
    """Rows lost, and rows wrong (of another value, or too many)."""
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
    """A document without its id, which MongoDB makes up."""
    return {k: v for k, v in sorted(row.items()) if k != "_id"} if isinstance(row, dict) else row


def everything(here: Site) -> dict[str, Any]:
    """What the stores hold, in an order of its own; each run's own pulse is left out."""
    found = here.stores.everything()
    for name, rows in found.items():
        if name.startswith("mongo"):
            found[name] = sorted(map(_plain, rows), key=repr)
    return {name: rows for name, rows in found.items() if name.split()[-1] != "job_worker"}


def settled(here: Site, run: Run, expected: dict[str, Any], rows: int) -> dict[str, Any]:
    """What the stores hold at the end of a run."""
    run.wait_for(rows)
    end = time.monotonic() + SETTLE_S
    while (found := everything(here)) != expected and time.monotonic() < end:
        time.sleep(1)
    return found


def trial(
    here: Site, folder: Path, url: str, name: str, point: float, expected: dict[str, Any], rows: int
) -> Outcome:
    """One fault when a share of the rows is there."""
    here.clear()
    before = here.inserts()
    with Run(here, folder, url) as run:
        run.submit()
        run.wait_for(int(point * rows))
        if name == "savepoint, other parallelism":
            begun = time.monotonic()
            savepoint = run.stop()
            run.submit(f"--savepoint={savepoint}", "--parallelism=1")
            recovered = run.next_checkpoint(time.monotonic())
        else:
            begun = FAULTS[name](here)
            if name == "job manager":
                run.kill()
                # Before the first checkpoint there is nothing to resume, and nothing to lose.
                kept = any(here.cluster.checkpoints.glob("**/_metadata"))
                run.submit(*([f"--savepoint={here.cluster.checkpoints}"] if kept else []))
            recovered = run.next_row(begun + 1) if name == "broker" else run.next_checkpoint(begun)
        resumed_from = run.restored() or ("" if name == "broker" else "the beginning")
        found = settled(here, run, expected, rows)
        lost, wrong = compare(found, expected)
        duplicates = here.inserts() - before - here.inserted()
    seconds = f"{recovered - begun:.1f}"
    return Outcome(name, f"{point:.0%}", seconds, resumed_from, duplicates, lost, wrong)


def undisturbed(here: Site, folder: Path, url: str, path: Path) -> tuple[dict[str, Any], int]:
    """The tables of a run without a fault, which are those of a batch run over the file."""
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
        assert found[f"mysql {table}"] == expected, f"{table} is not what the batch run says"
    return found, rows


def main() -> int:
    """Runs all faults and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    add = parser.add_argument
    add("--points", type=int, default=3, help="random points for each fault (default: %(default)s)")
    add("--events", type=int, default=240_000, help="events of the stream (default: %(default)s)")
    add("--seed", type=int, default=0, help="of stream and points (default: %(default)s)")
    add("--only", default=None, help="one fault alone")
    given = parser.parse_args()
    rng = random.Random(given.seed)
    console = Console()
    table = Table(title=f"Crashes, {given.events:,} events at full speed, parallelism 2")
    for column in (
        "fault", "at", "recovered in s", "resumed from", "duplicates", "rows lost", "rows wrong"
    ):  # fmt: skip
        table.add_column(column, justify="left" if column == "fault" else "right", no_wrap=True)
    bad = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "stream.csv"
        simulate.main(
            [f"--output={path}", f"--events={given.events}", "--users=1500", "--rate=50",
             f"--seed={given.seed}", "--duplicates=0.01"]
        )  # fmt: skip
        with site(folder / "servers") as here:
            url = make_topic(here.kafka, "clicks", PARTITIONS)
            assert replay.main([f"--input={path}", f"--output={url}"]) == 0
            expected, rows = undisturbed(here, folder / "undisturbed", url, path)
            names = [*FAULTS, "savepoint, other parallelism"]
            for fault in names if given.only is None else [given.only]:
                for number in range(1 if fault.startswith("savepoint") else given.points):
                    point = rng.uniform(0.1, 0.9)
                    done = trial(
                        here, folder / f"{fault[:4]}-{number}", url, fault, point, expected, rows
                    )
                    console.print(*done)
                    table.add_row(*map(str, done))
                    bad += done.lost + done.wrong
                    for manager in here.cluster.task_managers:
                        manager.restart()  # Each job's classes stay in it.
    console.print(table)
    return int(bad > 0)


if __name__ == "__main__":
    raise SystemExit(main())
