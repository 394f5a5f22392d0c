"""Duration of a round of the loop on the lists of a day.

    python -m benchmarks.retraining [--lists 200000]

A biased policy shows lists to simulated users and fills half of their places at random
(`simulation.shown`). The model in use learnt from the events of other users of the same world. The
round is one of `python -m training.loop --algorithm NAME` with the command's own numbers of epochs:
the candidate is trained, judged and, where it passes, trained again on all lists. `--passes` takes
the gate's decision for granted, so that both trainings are in the time.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from benchmarks.options import read_settings
from pipelines.simulate import main as simulate
from rivulet.settings import option
from simulation.model import World
from simulation.shown import FILE, show, write_feedback
from training import prepare, train
from training.loop import main as loop
from training.promotion.decisions import read_decisions
from training.promotion.gate import Verdict, judge

RATE = 32
"""Seconds between two events of a user."""
FIRST_EVENTS = 50_000
"""Events of the model in use."""


@dataclass(frozen=True)
class RetrainingSettings:
    """Log and training.

    Attributes:
        lists: lists of the log.
        users: users of the world.
        items: items of the world.
        algorithm: algorithm to train.
        passes: publish the candidate, whatever the gate says.
    """

    lists: int = option(200_000, "LISTS", least=100)
    users: int = option(5_000, "USERS", least=100)
    items: int = option(1_000, "ITEMS", least=40)
    algorithm: str = option("reinforce", "NAME")
    passes: bool = option(False)


def make_log(chosen: RetrainingSettings, world: World, log: Path) -> int:
    """Writes the newest lists of a stream as a feedback log; the number of lists."""
    events = world.stream(2 * chosen.lists, chosen.users / RATE, seed=1)
    write_feedback(log, show(world, events, exploration=0.5))
    table = pq.read_table(log / FILE).sort_by("time")
    pq.write_table(table.slice(max(0, len(table) - chosen.lists)), log / FILE)
    return min(len(table), chosen.lists)


def first_model(chosen: RetrainingSettings, folder: Path, models: Path) -> None:
    """Trains the model in use."""
    old, data = str(folder / "old.csv"), str(folder / "data")
    sizes = [f"--users={chosen.users}", f"--items={chosen.items}", f"--events={FIRST_EVENTS}"]
    simulate([*sizes, f"--rate={chosen.users / RATE:g}", "--seed=5", f"--output={old}"])
    prepare.main(["--input", old, "--output", data])
    flags = ["--algorithm=reinforce", f"--data={data}", f"--output={models / 'first'}"]
    train.main([*flags, "--pretrain_epochs=2", "--epochs=0", "--no_refit", "--current"])


def passing(*given: object) -> Verdict:
    """The gate's figures, with a promotion."""
    return replace(judge(*given), passes=True)  # type: ignore[arg-type]


def main() -> int:
    """Runs the command; its exit status."""
    chosen = read_settings("retraining", __doc__, RetrainingSettings)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        log, models = folder / "log", folder / "models"
        models.mkdir()
        with contextlib.redirect_stdout(io.StringIO()):
            lists = make_log(chosen, World.make(0, chosen.users, chosen.items), log)
            first_model(chosen, folder, models)
            flags = [f"--log={log}", f"--models={models}", f"--algorithm={chosen.algorithm}"]
            gate = mock.patch("training.promotion.rounds.judge", passing)
            with gate if chosen.passes else contextlib.nullcontext():
                started = time.perf_counter()
                status = loop(flags)
                seconds = time.perf_counter() - started
        decision = read_decisions(models)[-1]
    table = Table("lists", "algorithm", "seconds", "decision", title="a round of training.loop")
    said = f"{decision.action}: {decision.reason}"
    table.add_row(f"{lists:,}", chosen.algorithm, f"{seconds:.0f}", said)
    Console(width=140).print(table)
    return status


if __name__ == "__main__":
    sys.exit(main())
