"""Makes a click-stream from a seeded model of users (`simulation.model` has its formulas).

    python -m pipelines.simulate --events=1000000 --output=rivulet-stream.csv.gz --truth=truth

The same options give the same bytes. With --malformed, --duplicates and --late the stream
holds what a pipeline must cope with; --truth writes how many of each there are. --feedback writes
what a biased policy showed to these users and what they made of it (`simulation.shown`).
"""

from __future__ import annotations

import os
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from simulation.arrival import Arrivals, arrive
from simulation.files import STDOUT, write_stream
from simulation.malformed import MalformedLines, malform
from simulation.model import World
from simulation.options import check, parser
from simulation.shown import show, write_feedback
from simulation.truth import Truth, write_truth

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""


def simulate(
    options: Namespace, progress: Callable[[int], None] = lambda events: None
) -> tuple[World, Arrivals, MalformedLines]:
    """The world and the stream that `options` (of `simulation.options`) describe.

    `progress` is told how many more events are made.

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
    events = world.stream(options.events, options.rate, options.start, options.seed, progress)
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


def run(options: Namespace) -> Truth:
    """Makes the stream, writes it and its truth, and returns the truth.

    Raises:
        ValueError: the options ask for what cannot be.
        OSError: a file cannot be written.
    """
    with _progress() as bar:
        making = bar.add_task("events made", total=options.events)
        world, arrivals, malformed = simulate(options, lambda count: bar.advance(making, count))
        truth = Truth.of(arrivals, malformed)
        writing = bar.add_task("events written", total=len(arrivals.events))
        write_stream(
            arrivals.events,
            malformed,
            options.output,
            header=not options.no_header,
            progress=lambda count: bar.advance(writing, count),
        )
    if options.truth:
        write_truth(Path(options.truth), truth, world)
    if options.feedback:
        once = arrivals.events.take(~arrivals.duplicate)
        write_feedback(Path(options.feedback), show(world, once, options.seed, options.exploration))
    return truth


def summary(truth: Truth, output: str, seconds: float) -> Table:
    """The table that ends the command."""
    name = "standard output" if output == STDOUT else output
    table = Table(title=f"Click-stream in {name}", title_justify="left", show_header=False)
    table.add_column(justify="left")
    table.add_column(justify="right")
    shares = {
        behavior: f"{count:,} ({count / truth.events:.1%})"
        for behavior, count in truth.behaviors.items()
    }
    rows = {
        "lines": f"{truth.lines:,}",
        "events": f"{truth.events:,}",
        "users": f"{truth.users:,}",
        "items": f"{truth.items:,}",
        "first event": f"{np.datetime64(truth.first_time, 's')}Z",
        "span of event time": f"{truth.last_time - truth.first_time:,} s",
        **shares,
        "out of order by at most": f"{truth.out_of_orderness} s",
        "duplicates": f"{truth.duplicates:,}",
        "late": f"{truth.late:,}",
        **{f"malformed: {reason}": f"{count:,}" for reason, count in truth.malformed.items()},
        "seconds": f"{seconds:.1f}",
        "lines a second": f"{truth.lines / seconds:,.0f}",
    }
    for label, value in rows.items():
        table.add_row(label, value)
    return table


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    command = parser(__doc__ or "")
    options = command.parse_args(argv)
    began = time.perf_counter()
    try:
        truth = run(options)
    except BrokenPipeError:
        # Who read our output has enough; the interpreter must not flush the rest at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, OSError) as error:
        command.error(str(error))
    except KeyboardInterrupt:
        Console(stderr=True).print("interrupted")
        return INTERRUPTED
    # Beside a stream on standard output, the table goes where it cannot mix with it.
    console = Console(stderr=options.output == STDOUT)
    console.print(summary(truth, options.output, time.perf_counter() - began))
    return 0


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )


if __name__ == "__main__":
    sys.exit(main())
