"""What a ranking time costs in the steps with state, as the number of known users grows.

    python -m benchmarks.growth [--users 10000,100000,1000000] [--rate 1000] [--active 100000]

One shard is run without a runner; its state is kept as bytes, as a runner keeps it between
bundles. First every known user has an event, a quarter of an hour of event time before what is
measured. Then the active ones among them have `--rate` events a second. Figures are of all shards
together: those of one shard, times the number of shards. `changed` is what the users' rows take
that have new events or lists.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.growth.shard import PERIOD, Costs, MeasuredStep, ShardRun, users_of_shard
from benchmarks.options import read_settings
from rivulet.settings import option

SEED_PANES = 20
"""Panes over which the known users' first events are spread."""

SILENCE = 900
"""Seconds of event time between these and what follows."""

WARM_UP = 40
"""Ranking times before those that are measured: until as many reward windows end as begin."""


@dataclass(frozen=True)
class GrowthSettings:
    """Benchmark.

    Attributes:
        users: numbers of known users, separated by commas; a run for each.
        active: users who have events in what is measured, at most.
        rate: events per second of event time in what is measured.
        times: ranking times that are measured.
        shards: shards of users.
    """

    users: tuple[str, ...] = option(
        ("10000", "100000", "1000000"), "N,N..", separated=True, shown="10000,100000,1000000"
    )
    active: int = option(100_000, "N", least=1)
    rate: int = option(1000, "N", least=1)
    times: int = option(30, "N", least=1)
    shards: int = option(16, "N", least=1)


def measure(users: int, chosen: GrowthSettings) -> tuple[ShardRun, Costs, Costs]:
    """Runs one shard: the run, and what `chosen.times` ranking times cost in its two steps."""
    known = users_of_shard(users, chosen.shards)
    run = ShardRun(known, chosen.shards, seed=1)
    random = np.random.default_rng(2)
    dealt = random.permutation(known)
    for number, part in enumerate(np.array_split(dealt, SEED_PANES)):
        run.apply(part, (number + 1) * PERIOD)
    active = dealt[: max(chosen.active // chosen.shards, 1)]
    rows = chosen.rate * PERIOD // chosen.shards
    start = (SEED_PANES + 1) * PERIOD + SILENCE
    run.advance(start)
    before = run.histories.costs(), run.feedback.costs()
    for number in range(WARM_UP + chosen.times):
        if number == WARM_UP:
            before = run.histories.costs(), run.feedback.costs()
        run.apply(random.choice(active, rows), start + number * PERIOD)
    return run, run.histories.costs().since(before[0]), run.feedback.costs().since(before[1])


def main() -> None:
    """Measures and prints the tables."""
    chosen = read_settings("growth", __doc__, GrowthSettings)
    tables = {name: _table(name) for name in ("histories", "feedback")}
    for text in chosen.users:
        run, *costs = measure(int(text), chosen)
        steps = run.histories, run.feedback
        for table, step, cost in zip(tables.values(), steps, costs, strict=True):
            table.add_row(*_row(int(text), step, cost, chosen))
    for table in tables.values():
        Console(width=120).print(table)


def _table(name: str) -> Table:
    table = Table(title=f"A ranking time in the step of {name}, all shards")
    for column in (
        "users known", "CPU (ms)", "written (kB)", "changed (kB)", "written / changed", "read (kB)",
        "held (MB)", "largest value (MB)",
    ):  # fmt: skip
        table.add_column(column, justify="right")
    return table


def _row(users: int, step: MeasuredStep, cost: Costs, chosen: GrowthSettings) -> list[str]:
    factor = chosen.shards / chosen.times
    return [
        f"{users:,}",
        f"{cost.cpu * factor * 1e3:,.0f}",
        f"{cost.written * factor / 1e3:,.0f}",
        f"{cost.changed * factor / 1e3:,.0f}",
        f"{cost.written / cost.changed:,.1f}",
        f"{cost.read * factor / 1e3:,.0f}",
        f"{step.state.held_bytes() * chosen.shards / 1e6:,.1f}",
        f"{step.state.largest_cell() / 1e6:,.2f}",
    ]


if __name__ == "__main__":
    main()
