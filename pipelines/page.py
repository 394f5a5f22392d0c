"""The stream and the page together, on simulated clicks in real time.

    python -m pipelines.page                # then open http://127.0.0.1:8000/

Nothing else is needed: users are simulated, the main job runs in this process, and the page
shows what it writes. The last minutes before now are given first, as fast as the job can; from
then on an event comes when the clock says so (times --speed). Each start begins anew.
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
SHARDS = 2
_LOOK_SECONDS = 0.5
_STOP_SECONDS = 10.0


@dataclass(frozen=True)
class PageSettings:
    """The stream and its page.

    Attributes:
        speed: event time this many times as fast as the clock.
        rate: events per second of event time.
        users: simulated users; the packaged policy was trained on a world of 800.
        past: event time that is there at the start, in minutes.
        port: the page's port on 127.0.0.1; 0 for any free one.
        folder: where the SQLite store, the dead letters and the log are; they are made anew.
        store: write to this store too, and show it first; can be given several times.
        seconds: stop after this time, in seconds.
    """

    speed: float = option(1.0, "X", least=0.1, most=100)
    rate: float = option(25.0, "N", above=0)
    users: int = option(800, "N", least=1)
    past: int = option(20, "MINUTES", least=1)
    port: int = option(8000, "PORT", least=0, most=65535)
    folder: Path = option(Path(".rivulet/page"), "DIR")
    store: tuple[str, ...] = option((), "URL", shown="SQLite alone")
    seconds: float | None = option(None, "SECONDS", above=0, shown="at Ctrl-C")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs stream and page until Ctrl-C; the exit status."""
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
    folder = chosen.folder
    _begin_anew(folder)
    stores = [*chosen.store, f"sqlite:///{folder}/rivulet.db"]
    letters = folder / "dead-letters.jsonl"
    options = JOB.options(
        [
            f"--shards={SHARDS}",
            f"--dead_letters={letters}",
            *(
                f"--{name}_sink={url}"
                for name in ("record", "popular", "recommendation")
                for url in stores
            ),
        ]
    )
    feed = Feed(
        clicks, begin, 60 * chosen.past, chosen.speed,
        options.settings[RecommendSettings].recommend_period,
    )  # fmt: skip
    # What ends this process by a plain kill must end the page's server too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    page = subprocess.Popen(  # noqa: S603  # our own program
        [
            *(sys.executable, "-m", "serving", f"--port={chosen.port}"),
            *(f"--store={url}" for url in stores),
            f"--dead_letters={letters}",
        ]
    )
    try:
        return _run(options, feed, page, chosen.seconds)
    except KeyboardInterrupt:
        print(f"\n{parser.prog}: stopped; what was written is in {stores[-1]}")
        return INTERRUPTED
    finally:
        feed.stopped.set()
        page.terminate()
        page.wait(_STOP_SECONDS)


def _begin_anew(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("rivulet.db", "rivulet.db-wal", "rivulet.db-shm", "dead-letters.jsonl"):
        (folder / name).unlink(missing_ok=True)
    warnings.simplefilter("ignore")
    handler = logging.FileHandler(folder / "rivulet.log", mode="w", delay=True)
    # RunInference says this for every bundle on this runner.
    handler.addFilter(lambda record: "Resource module" not in str(record.msg))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def _run(
    options: JobOptions, feed: Feed, page: subprocess.Popen[bytes], seconds: float | None
) -> int:
    """Until the page's server ends, the job fails, or the seconds are over."""
    from apache_beam.runners.runner import PipelineState

    from pipelines.running.progress import Progress
    from pipelines.simulated import start

    until = float("inf") if seconds is None else time.monotonic() + seconds
    with Progress():
        result = start(options, feed)
        while time.monotonic() < until:
            if page.poll() is not None:
                return page.returncode or 1
            if PipelineState.is_terminal(result.state):
                result.wait_until_finish()
                return 1
            time.sleep(_LOOK_SECONDS)
    return 0


if __name__ == "__main__":
    # The runner's threads wait for more of the stream; a stop must not make up an end for it,
    # which would give windows that are not over yet.
    STATUS = main()
    sys.stdout.flush()
    os._exit(STATUS)
