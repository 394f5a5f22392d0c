"""Duration of the preparation of raw logs and of an epoch of REINFORCE with many items.

    python -m benchmarks.training_speed [--events 2000000] [--items 100000]

The log is `pipelines.simulate`'s, as CSV. An epoch trains on the training part (72% of the events)
once and validates. There is no pretraining; all other options have their defaults.
"""

from __future__ import annotations

import contextlib
import csv
import io
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pipelines.simulate import main as simulate
from rivulet.settings import ArgumentParser, option
from training.prepare import main as prepare
from training.train import main as train


@dataclass(frozen=True)
class SpeedSettings:
    """Sizes.

    Attributes:
        events: events of the log.
        items: items of the simulated world.
        users: users of the simulated world.
    """

    events: int = option(2_000_000, "EVENTS", least=1)
    items: int = option(100_000, "ITEMS", least=1)
    users: int = option(30_000, "USERS", least=1)


def main() -> int:
    """Runs the command; its exit status."""
    parser = ArgumentParser(prog="python -m benchmarks.training_speed", description=__doc__)
    parser.add_settings(SpeedSettings)
    options = parser.settings_of(SpeedSettings, parser.parse_args())
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        log, data, model = folder / "log.csv", folder / "data", folder / "model"
        sizes = [f"--{name}={getattr(options, name)}" for name in ("events", "items", "users")]
        with contextlib.redirect_stdout(io.StringIO()):
            simulate([*sizes, f"--output={log}"])
            started = time.perf_counter()
            prepare(["--input", str(log), "--output", str(data)])
            prepared = time.perf_counter() - started
            once = ["--algorithm=reinforce", "--pretrain_epochs=0", "--epochs=1", "--no_refit"]
            started = time.perf_counter()
            train([*once, "--data", str(data), "--output", str(model)])
            trained = time.perf_counter() - started
        with (model / "training" / "log.csv").open() as file:
            epoch = max(float(row["seconds"]) for row in csv.DictReader(file))
    table = Table("step", "seconds", title=f"{options.events:,} events, {options.items:,} items")
    table.add_row("training.prepare", f"{prepared:.1f}")
    table.add_row("an epoch of REINFORCE", f"{epoch:.1f}")
    table.add_row("training.train: reading, an epoch, writing", f"{trained:.1f}")
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
