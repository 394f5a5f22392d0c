"""Makes a click-stream from a seeded model of users (`simulation.model` has its formulas).

    python -m pipelines.simulate --events=1000000 --output=stream.csv.gz --truth=truth

The same options give the same bytes. With --malformed, --duplicates and --late the stream
holds what a pipeline must cope with; --truth writes how many of each there are.
"""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from simulation.arrival import Arrivals, arrive
from simulation.files import write_stream
from simulation.malformed import MalformedLines, malform
from simulation.model import World
from simulation.options import check, parser
from simulation.truth import Truth, write_truth

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""


def simulate(options: Namespace) -> tuple[World, Arrivals, MalformedLines]:
    """The world and the stream that `options` (of `simulation.options`) describe.

    Raises:
        ValueError: the options ask for what cannot be; the message says what to do.
    """
    check(options)
    world = World.make(
        options.seed if options.world_seed is None else options.world_seed,
        options.users,
        options.items,
        options.clusters,
    )
    events = world.stream(options.events, options.rate, options.start, options.seed)
    rng = np.random.default_rng([options.seed, 2])
    arrivals = arrive(
        events,
        rng,
        options.out_of_orderness,
        duplicates=round(options.duplicates * options.events),
        late=round(options.late * options.events),
        late_by=options.late_by,
    )
    lines = malform(arrivals.events, round(options.malformed * options.events), rng)
    return world, arrivals, lines


def run(options: Namespace, console: Console) -> Truth:
    """Makes the stream, writes it and its truth, and returns the truth.

    Raises:
        ValueError: the options ask for what cannot be.
        OSError: a file cannot be written.
    """
    with Progress(console=console, transient=True) as progress:
        step = progress.add_task("simulating", total=None)
        world, arrivals, malformed = simulate(options)
        truth = Truth.of(arrivals, malformed)
        rows = len(arrivals.events)
        progress.update(step, description=f"writing {options.output}", total=rows)
        write_stream(
            arrivals.events,
            malformed,
            options.output,
            header=not options.no_header,
            progress=lambda count: progress.advance(step, count),
        )
    if options.truth:
        write_truth(Path(options.truth), truth, world)
    return truth


def summary(truth: Truth, output: str, seconds: float) -> Table:
    """The table that ends the command."""
    table = Table(title=f"click-stream in {output}", title_justify="left", show_header=False)
    table.add_column(justify="left")
    table.add_column(justify="right")
    rows = {
        "lines": f"{truth.lines:,}",
        "events": f"{truth.events:,}",
        "users": f"{truth.users:,}",
        "items": f"{truth.items:,}",
        "first event": f"{np.datetime64(truth.first_time, 's')}Z",
        "span of event time": f"{truth.last_time - truth.first_time:,} s",
        **{
            name: f"{count:,} ({count / truth.events:.1%})"
            for name, count in truth.behaviors.items()
        },
        "out of order by at most": f"{truth.out_of_orderness} s",
        "duplicates": f"{truth.duplicates:,}",
        "late": f"{truth.late:,}",
        **{f"malformed: {name}": f"{count:,}" for name, count in truth.malformed.items() if count},
        "seconds": f"{seconds:.1f}",
        "lines a second": f"{truth.lines / seconds:,.0f}",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    command = parser(__doc__ or "")
    options = command.parse_args(argv)
    console = Console(stderr=True)
    began = time.perf_counter()
    try:
        truth = run(options, console)
    except (ValueError, OSError) as error:
        command.error(str(error))
    except KeyboardInterrupt:
        console.print("interrupted: nothing was written")
        return INTERRUPTED
    console.print(summary(truth, options.output, time.perf_counter() - began))
    return 0


if __name__ == "__main__":
    sys.exit(main())
