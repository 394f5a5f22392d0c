"""Runs the stream and the web page together, on simulated clicks in real time.

    python -m pipelines.page                # then open http://127.0.0.1:8000/

Users are simulated, the main job runs in this process, and the web server shows its results. At
the start, the job processes the events of the last minutes; later events arrive in real time,
times --speed. Results of an earlier run are removed.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rivulet.settings import ArgumentParser, option

if TYPE_CHECKING:
    from pipelines.running.command_line import JobOptions
    from pipelines.simulated import Feed

INTERRUPTED = 130
"""Exit status after Ctrl-C, as in shells."""
SHARDS = 2
FAST_MAX_FUTURE = 10 * 365 * 86_400
"""`--max_future` where event time runs ahead of the clock, in seconds."""
_POLL_SECONDS = 0.5
_STOP_SECONDS = 60.0


@dataclass(frozen=True)
class PageSettings:
    """Page.

    Attributes:
        speed: seconds of event time per second.
        rate: events per second of event time.
        users: number of simulated users; the packaged policy was trained on a world of 800.
        past: event time before the start that is simulated at once, in minutes.
        port: the page's port on 127.0.0.1; 0 for any free port.
        folder: folder of the SQLite store, the dead letters and the log.
        store: a further store that the job writes to and the page reads first; may be repeated.
        seconds: time after which the command stops by itself, in seconds.
    """

    speed: float = option(1.0, "X", least=0.1, most=100)
    rate: float = option(25.0, "N", above=0)
    users: int = option(800, "N", least=1)
    past: int = option(20, "MINUTES", least=1)
    port: int = option(8000, "PORT", least=0, most=65535)
    folder: Path = option(Path(".rivulet/page"), "DIR")
    store: tuple[str, ...] = option((), "URL", shown="SQLite alone")
    seconds: float | None = option(None, "N", above=0, shown="Ctrl-C")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs stream and page until Ctrl-C.

    Args:
        argv: the command line without the program's name; `sys.argv`'s by default.

    Returns:
        The exit status.
    """
    parser = ArgumentParser(prog="python -m pipelines.page", description=__doc__)
    parser.add_settings(PageSettings)
    chosen = parser.settings_of(PageSettings, parser.parse_args(argv))

    from pipelines.options import RecommendSettings
    from pipelines.recommend import JOB
    from pipelines.simulated import Feed
    from simulation.live import LiveClicks
    from simulation.model import World
    from simulation.timeline import TooFewUsersError

    begin = int(time.time()) - 60 * chosen.past
    try:
        world = World.make(seed=0, users=chosen.users)
        clicks = LiveClicks(world, chosen.rate, begin, seed=begin)
    except TooFewUsersError as error:
        parser.error(str(error))
    _remove_results(chosen.folder)
    stores = [*chosen.store, f"sqlite:///{chosen.folder}/rivulet.db"]
    dead_letters = chosen.folder / "dead-letters.jsonl"
    max_future = [f"--max_future={FAST_MAX_FUTURE}"] if chosen.speed > 1 else []
    options = JOB.options(
        [
            *max_future,
            f"--shards={SHARDS}",
            f"--dead_letters={dead_letters}",
            *(
                f"--{name}_sink={url}"
                for name in ("record", "popular", "recommendation")
                for url in stores
            ),
        ]
    )
    step = options.settings[RecommendSettings].recommend_period
    feed = Feed(clicks, begin, 60 * chosen.past, chosen.speed, step)
    # SIGTERM must stop the web server too, as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    server = subprocess.Popen(  # noqa: S603  # our own program
        [
            *(sys.executable, "-m", "serving", f"--port={chosen.port}"),
            *(f"--store={url}" for url in stores),
            f"--dead_letters={dead_letters}",
            *max_future,
        ]
    )
    try:
        return _run(options, feed, server, chosen.seconds)
    except KeyboardInterrupt:
        print(f"\n{parser.prog}: stopped; the results are in {stores[-1]}")
        return INTERRUPTED
    finally:
        feed.stopped.set()
        server.terminate()
        server.wait(_STOP_SECONDS)


def _remove_results(folder: Path) -> None:
    """Removes the results of an earlier run, and opens the log."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("rivulet.db", "rivulet.db-wal", "rivulet.db-shm", "dead-letters.jsonl"):
        (folder / name).unlink(missing_ok=True)
    warnings.simplefilter("ignore")
    handler = logging.FileHandler(folder / "rivulet.log", mode="w", delay=True)
    # RunInference logs this for each bundle on this runner.
    handler.addFilter(lambda record: "Resource module" not in str(record.msg))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def _run(
    options: JobOptions, feed: Feed, server: subprocess.Popen[bytes], seconds: float | None
) -> int:
    """Runs until the web server ends, the job fails, or the time is over."""
    from apache_beam.runners.runner import PipelineState

    from pipelines.graph.job_graph import new_progress
    from pipelines.running.progress import Progress
    from pipelines.simulated import start

    end = float("inf") if seconds is None else time.monotonic() + seconds
    counters = new_progress("page")
    with Progress(counters):
        result = start(options, feed, counters)
        while time.monotonic() < end:
            if server.poll() is not None:
                return server.returncode or 1
            if PipelineState.is_terminal(result.state):
                result.wait_until_finish()
                return 1
            time.sleep(_POLL_SECONDS)
    return 0


if __name__ == "__main__":
    # Ends without waiting for the runner's threads, which wait for the stream. A regular end of the
    # stream would close windows that are not complete.
    STATUS = main()
    sys.stdout.flush()
    os._exit(STATUS)
