"""Writes a click stream drawn from a seeded model of users (`simulation.model`).

    python -m pipelines.simulate --events=1000000 --output=rivulet-stream.csv.gz --truth=truth

Equal options give equal bytes. --malformed, --future, --duplicates and --late add flaws, whose
counts are in the output of --truth. --feedback adds a log of the lists that a biased policy shows
to the users, with the users' feedback.

    python -m pipelines.simulate --respond=sqlite:///rivulet.db --attention=1 \
        --output=kafka://localhost:9092/clicks --speed=1

Users see the newest lists of a store or of the API and react (`simulation.effects`). Equal lists
give equal events.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.label_table import label_table
from rivulet.configuration import Configuration
from rivulet.settings import ArgumentParser
from simulation.options import (
    CONCERNS,
    STDOUT,
    FeedbackLogSettings,
    FlawSettings,
    OutputSettings,
    RespondSettings,
    StreamSettings,
    problems,
)

if TYPE_CHECKING:
    from rich.table import Table

    from simulation.arrival import Arrivals
    from simulation.malformed import MalformedLines
    from simulation.model import World
    from simulation.truth import Truth

INTERRUPTED = 130
"""Exit status after Ctrl-C, as in shells."""


def parser() -> ArgumentParser:
    """The command's parser."""
    made = ArgumentParser(prog="python -m pipelines.simulate", description=__doc__)
    for concern in CONCERNS:
        made.add_settings(concern)
    return made


def read_settings(argv: Sequence[str] | None, command: ArgumentParser) -> Configuration:
    """The settings of a command line; ends the program with status 2 where they are wrong.

    Args:
        argv: the command line without the program's name; None for `sys.argv`'s.
        command: the command's parser.
    """
    chosen = Configuration.read(command, CONCERNS, command.parse_args(argv))
    for problem in problems(chosen):
        command.error(problem)
    return chosen


def simulate(
    chosen: Configuration, progress: Callable[[int], None] = lambda events: None
) -> tuple[World, Arrivals, MalformedLines]:
    """The world and the stream of these settings.

    Args:
        chosen: the settings.
        progress: called with the number of further events that are done.

    Raises:
        ValueError: the settings contradict each other; the message says what to do.
    """
    import numpy as np

    from simulation.arrival import arrive
    from simulation.malformed import malform
    from simulation.model import World

    size, flaws = chosen[StreamSettings], chosen[FlawSettings]
    world = World.make(
        size.seed if size.world_seed is None else size.world_seed,
        size.users,
        size.items,
        size.clusters,
    )
    events = world.stream(size.events, size.rate, size.start, size.seed, progress)
    rng = np.random.default_rng([size.seed, 2])
    arrivals = arrive(
        events,
        rng,
        flaws.out_of_orderness,
        duplicates=round(flaws.duplicates * size.events),
        late=round(flaws.late * size.events),
        late_by=flaws.late_by,
    )
    malformed, future = (round(share * size.events) for share in (flaws.malformed, flaws.future))
    lines = malform(arrivals.events, malformed, rng, future)
    return world, arrivals, lines


def run(chosen: Configuration) -> Truth:
    """Simulates a stream and writes it, with the truth and the feedback log if requested.

    Raises:
        ValueError: the settings contradict each other.
        OSError: a file cannot be written.
    """
    from simulation.files import write_stream
    from simulation.shown import show, write_feedback
    from simulation.truth import Truth, write_truth

    output, log = chosen[OutputSettings], chosen[FeedbackLogSettings]
    with _bar("events simulated", chosen[StreamSettings].events) as progress:
        world, arrivals, malformed = simulate(chosen, progress)
    truth = Truth.of(arrivals, malformed)
    with _bar("events written", len(arrivals.events)) as progress:
        header = not output.no_header
        write_stream(arrivals.events, malformed, output.output, header, progress)
    if output.truth:
        write_truth(Path(output.truth), truth, world)
    if log.feedback:
        distinct = arrivals.events.take(~arrivals.duplicate)
        seed = chosen[StreamSettings].seed
        shown = show(world, distinct, seed, log.exploration, log.list_size, log.list_period)
        write_feedback(Path(log.feedback), shown, log.list_period)
    return truth


def summary(truth: Truth, output: str, seconds: float) -> Table:
    """The command's summary.

    Args:
        truth: the stream's counts.
        output: where the stream was written.
        seconds: how long the command ran.
    """
    import numpy as np

    name = "standard output" if output == STDOUT else output
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
        "maximum out-of-orderness": f"{truth.out_of_orderness} s",
        "duplicates": f"{truth.duplicates:,}",
        "late": f"{truth.late:,}",
        **{f"dead letters: {reason}": f"{count:,}" for reason, count in truth.malformed.items()},
        "seconds": f"{seconds:.1f}",
        "lines a second": f"{truth.lines / seconds:,.0f}",
    }
    return label_table(f"Click stream in {name}", rows.items())


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command.

    Returns:
        The exit status: 0; 1 if a store or Kafka failed, 2 for a bad option, 130 after Ctrl-C.
    """
    command = parser()
    chosen = read_settings(argv, command)
    if chosen[RespondSettings].respond:
        from pipelines.respond.command import respond_to

        return respond_to(chosen, command, _bar)
    output = chosen[OutputSettings].output
    started = time.perf_counter()
    try:
        truth = run(chosen)
    except BrokenPipeError:
        # The reader of standard output has closed it: Python must not flush the rest at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, OSError) as error:
        command.error(str(error))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    from rich.console import Console

    # With the stream on standard output, the summary goes to standard error.
    console = Console(stderr=output == STDOUT)
    console.print(summary(truth, output, time.perf_counter() - started))
    return 0


@contextmanager
def _bar(text: str, total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error; the value is a function that advances it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
    )  # fmt: skip
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task(text, total=total)
        yield lambda count: progress.advance(task, count)


if __name__ == "__main__":
    sys.exit(main())
