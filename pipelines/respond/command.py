"""`python -m pipelines.simulate --respond`: from the settings to the run and its summary."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING

from pipelines.label_table import label_table
from rivulet.configuration import Configuration
from rivulet.settings import ArgumentParser
from simulation.effects import Effects
from simulation.options import (
    FeedbackLogSettings,
    OutputSettings,
    RespondSettings,
    StreamSettings,
)

if TYPE_CHECKING:
    from rich.table import Table

    from pipelines.respond.lists import Lists
    from pipelines.respond.outputs import Output
    from pipelines.respond.run import RespondCounts
    from simulation.responsive.world import ResponsiveWorld

Bar = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
INTERRUPTED = 130


def respond_to(chosen: Configuration, command: ArgumentParser, bar: Bar) -> int:
    """Runs the users on the lists of a store or of the API.

    Args:
        chosen: the settings.
        command: reports bad options.
        bar: makes a progress bar of a text and a total.

    Returns:
        The exit status: 0; 1 if a store or Kafka failed, 130 after Ctrl-C.
    """
    from kafka.errors import KafkaError

    from pipelines.respond.lists import ListsError, open_lists
    from pipelines.respond.outputs import OutputError
    from pipelines.respond.run import RespondCounts
    from rivulet.urls import URLError
    from sources.errors import SourceError
    from sources.kafka.errors import describe

    logging.getLogger("kafka").propagate = False  # the command prints an error once
    given, output = chosen[RespondSettings], chosen[OutputSettings].output
    started, counts = time.perf_counter(), RespondCounts()
    try:
        with bar("events simulated", chosen[StreamSettings].events) as progress:
            world = _world(chosen, progress)
        lists = open_lists(str(given.respond), given.respond_timeout, given.respond_token)
    except (ValueError, ListsError, URLError) as error:
        command.error(str(error))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    status, problem = 0, ""
    try:
        with ExitStack() as stack:
            stack.callback(lists.close)
            _run(chosen, world, lists, counts, stack, bar)
    except KeyboardInterrupt:
        status, problem = INTERRUPTED, "interrupted"
    except KafkaError as error:
        status, problem = 1, f"{command.prog}: Kafka: {describe(error)}"
    except (ListsError, OutputError, SourceError, OSError) as error:
        status, problem = 1, f"{command.prog}: {error}"
    if problem:
        print(problem, file=sys.stderr)
    from rich.console import Console

    Console().print(_summary(counts, output, time.perf_counter() - started))
    return status


def _world(chosen: Configuration, progress: Callable[[int], None]) -> ResponsiveWorld:
    from simulation.model import World
    from simulation.responsive.world import ResponsiveWorld

    size = chosen[StreamSettings]
    seed = size.seed if size.world_seed is None else size.world_seed
    return ResponsiveWorld(
        World.make(seed, size.users, size.items, size.clusters),
        chosen[Effects],
        size.events,
        size.rate,
        size.start,
        size.seed,
        chosen[FeedbackLogSettings].list_period,
        progress=progress,
    )


def _run(
    chosen: Configuration,
    world: ResponsiveWorld,
    lists: Lists,
    counts: RespondCounts,
    stack: ExitStack,
    bar: Bar,
) -> None:
    from pipelines.kafka_producer import Pace
    from pipelines.respond.outputs import open_output
    from pipelines.respond.run import EVENTS_HEADER, IMPRESSIONS_HEADER, respond

    given, output = chosen[RespondSettings], chosen[OutputSettings]
    opened: list[Output] = []

    def end(kind: type[BaseException] | None, *_: object) -> bool:
        for one in opened:
            one.close(kind is None)
        return False

    stack.push(end)
    opened.append(open_output(output.output, None if output.no_header else EVENTS_HEADER))
    impressions = None
    if given.impressions:
        impressions = open_output(given.impressions, IMPRESSIONS_HEADER)
        opened.append(impressions)
    pace = Pace(None, given.speed)
    with bar("events written", chosen[StreamSettings].events) as progress:
        respond(
            world,
            lists,
            opened[0],
            impressions,
            chosen[FeedbackLogSettings].list_size,
            given.respond_age,
            pace.wait,
            counts,
            progress,
        )


def _summary(counts: RespondCounts, output: str, seconds: float) -> Table:
    rows = {
        "events": f"{counts.events:,}",
        "lists when users could look": f"{counts.offered:,}",
        "lists seen": f"{counts.seen:,}",
        "items viewed": f"{counts.reactions:,}",
        "reward a list": f"{counts.reward / max(1, counts.seen):.3f}",
        "seconds": f"{seconds:.1f}",
    }
    return label_table(f"Events in {output}", rows.items())
