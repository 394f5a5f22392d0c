"""The stream and the page together, on simulated clicks in real time.

    python -m pipelines.page                # then open http://127.0.0.1:8000/

Nothing else is needed: users are simulated, the main job runs in this process, and the page
shows what it writes. The last minutes before now are given first, as fast as the job can; from
then on an event comes when the clock says so (times --speed). Each start begins anew.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from apache_beam.runners.runner import PipelineState

from pipelines.options import RecommendSettings
from pipelines.recommend import JOB
from pipelines.running.command_line import JobOptions
from pipelines.running.progress import Progress
from pipelines.simulated import Feed, start
from simulation.live import LiveClicks
from simulation.model import World
from simulation.timeline import TooFewUsersError

INTERRUPTED = 130
SHARDS = 2
_LOOK_SECONDS = 0.5
_STOP_SECONDS = 10.0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Says what is wrong in one line."""
        self.exit(2, f"{self.prog}: {message} (--help explains the options)\n")


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    made = _Parser(
        prog="python -m pipelines.page",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = made.add_argument
    add("--speed", type=float, default=1.0, metavar="X",
        help="event time X times as fast as the clock, 0.1 to 100 "
        "(default: %(default)s)")  # fmt: skip
    add("--rate", type=float, default=25.0, metavar="N",
        help="events per second of event time (default: %(default)s)")  # fmt: skip
    add("--users", type=int, default=800, metavar="N",
        help="simulated users; the packaged policy was trained on a world of 800 "
        "(default: %(default)s)")  # fmt: skip
    add("--past", type=int, default=20, metavar="MINUTES",
        help="minutes of event time that are there at the start "
        "(default: %(default)s)")  # fmt: skip
    add("--port", type=int, default=8000, metavar="PORT",
        help="the page's port on 127.0.0.1; 0 for any free one (default: %(default)s)")  # fmt: skip
    add("--folder", type=Path, default=Path(".rivulet/page"), metavar="DIR",
        help="where the SQLite store, the dead letters and the log are; they are made anew "
        "(default: %(default)s)")  # fmt: skip
    add("--store", action="append", default=[], metavar="URL",
        help="write to this store too, and show it first; can be given several times "
        "(default: SQLite alone)")  # fmt: skip
    add("--seconds", type=float, default=float("inf"), metavar="N",
        help="stop by itself after N seconds (default: at Ctrl-C)")  # fmt: skip
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Runs stream and page until Ctrl-C; the exit status."""
    made = parser()
    given = made.parse_args(argv)
    if not 0.1 <= given.speed <= 100:
        made.error(f"--speed={given.speed:g} must be 0.1 to 100")
    if given.past < 1 or given.users < 1 or given.rate <= 0:
        made.error("--past, --users and --rate must be above 0")
    begin = int(time.time()) - 60 * given.past
    try:
        world = World.make(seed=0, users=given.users)
        clicks = LiveClicks(world, given.rate, begin, seed=begin)
    except TooFewUsersError as error:
        made.error(str(error))
    folder: Path = given.folder
    _begin_anew(folder)
    stores = [*given.store, f"sqlite:///{folder}/rivulet.db"]
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
        clicks, begin, 60 * given.past, given.speed,
        options.settings[RecommendSettings].recommend_period,
    )  # fmt: skip
    # What ends this process by a plain kill must end the page's server too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    page = subprocess.Popen(  # noqa: S603  # our own program
        [
            *(sys.executable, "-m", "serving", f"--port={given.port}"),
            *(f"--store={url}" for url in stores),
            f"--dead_letters={letters}",
        ]
    )
    try:
        return _run(options, feed, page, given.seconds)
    except KeyboardInterrupt:
        print(f"\n{made.prog}: stopped; what was written is in {stores[-1]}")
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


def _run(options: JobOptions, feed: Feed, page: subprocess.Popen[bytes], seconds: float) -> int:
    """Until the page's server ends, the job fails, or the seconds are over."""
    until = time.monotonic() + seconds
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
