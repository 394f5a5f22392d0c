"""How fast raw logs are prepared, and how long an epoch of REINFORCE takes on a large catalogue.

    python -m benchmarks.training_speed [--events 2000000] [--items 100000]

The log is `pipelines.simulate`'s, as CSV. An epoch goes once over the training part (72% of the
events) and then validates. No pretraining; all else by default.
"""

from __future__ import annotations

import contextlib
import csv
import io
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pipelines.simulate import main as simulate
from training.cli import Parser, at_least
from training.prepare import main as prepare
from training.train import main as train


def main() -> int:
    """Runs the command; its exit status."""
    parser = Parser(prog="python -m benchmarks.training_speed", description=__doc__)
    parser.add_argument("--events", type=at_least(1), default=2_000_000, help="events of the log")
    parser.add_argument("--items", type=at_least(1), default=100_000, help="items of the world")
    parser.add_argument("--users", type=at_least(1), default=30_000, help="users of the world")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        log, data, model = folder / "log.csv", folder / "data", folder / "model"
        sizes = [f"--{name}={getattr(options, name)}" for name in ("events", "items", "users")]
        with contextlib.redirect_stdout(io.StringIO()):
            simulate([*sizes, f"--output={log}"])
            started = time.perf_counter()
            prepare(["--input", str(log), "--output", str(data), "--keep_all"])
            prepared = time.perf_counter() - started
            once = ["--algorithm=reinforce", "--pretrain_epochs=0", "--epochs=1", "--no_refit"]
            started = time.perf_counter()
            train([*once, "--data", str(data), "--output", str(model)])
            trained = time.perf_counter() - started
        with (model / "training" / "log.csv").open() as file:
            epoch = max(float(row["seconds"]) for row in csv.DictReader(file))
    table = Table("what", "seconds", title=f"{options.events:,} events, {options.items:,} items")
    table.add_row("training.prepare", f"{prepared:.1f}")
    table.add_row("an epoch of REINFORCE", f"{epoch:.1f}")
    table.add_row("training.train whole: reading, an epoch, writing", f"{trained:.1f}")
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
