"""Each sink beside the best bulk loop with the bare client, in one run.

    python -m benchmarks.sinks --rows=50000

Starts servers of its own on free ports, below a temporary folder. A sink gets frames, and makes
its rows of them within the time that is taken; a bare loop gets its rows ready-made, in bulks
of the same rows. Where the table says so, the loop's answers are wrong after a replay or out of
order, which the sink's are not: the loop beside it gives the right ones.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import bare_loops
from deploy.servers.mongo import Mongo
from deploy.servers.mysql import MySQL
from deploy.servers.redis import Redis
from sinks import open_source
from transforms.columns.frames import Frame
from transforms.messages.events import EventBatch
from transforms.messages.recommendations import Recommendations

FRAME = 5_000
LISTED = 8


@dataclass(frozen=True)
class Contest:
    """A sink and a bare loop that write the same rows.

    Attributes:
        what: store and rows.
        loop: which loop it is.
        url: the store's.
        clear: empties the store.
        bare: from a frame to what writes its rows, made ready before the clock starts.
    """

    what: str
    loop: str
    url: str
    clear: Callable[[], None]
    bare: Callable[[Frame], Callable[[], None]]

    def seconds(self, frames: list[Frame]) -> tuple[float, float]:
        """Seconds of the bare loop and of the sink, each into an empty store."""
        self.clear()
        store = open_source(self.url).open()
        store.prepare()
        ready = [self.bare(frame) for frame in frames]
        begun = time.perf_counter()
        for write in ready:
            write()
        bare = time.perf_counter() - begun
        self.clear()
        store.prepare()
        sink = store.writer(type(frames[0]))
        begun = time.perf_counter()
        for frame in frames:
            if sink(frame):
                raise RuntimeError(f"{self.what}: rows were refused")
        seconds = time.perf_counter() - begun
        store.close()
        return bare, seconds


def make_frames(rows: int) -> tuple[list[Frame], list[Frame]]:
    """Events in the order of time, and recommendations, in frames."""
    rng = np.random.default_rng(0)
    time_of = np.sort(rng.integers(1_511_658_000, 1_511_658_000 + 9 * 86_400, rows))
    user, item = rng.integers(0, rows // 50, rows), rng.zipf(1.2, rows) % 700_000
    events = EventBatch(user, item, rng.integers(0, 4, rows).astype(np.int8), time_of).ordered()
    events = events.take(np.argsort(events.time, kind="stable"))
    shown = Recommendations(
        user=user,
        time=np.arange(rows) // 1_000 * 20 + 1_511_658_000,
        items=rng.integers(1, 700_000, (rows, LISTED)),
        length=np.full(rows, LISTED),
        propensities=np.ones((rows, LISTED), np.float32),
        policy=np.full(rows, b"reinforce", "S64"),
        last_reward=rng.integers(-1, 3, rows),
    )
    _, first = np.unique(np.stack((shown.user, shown.time)), axis=1, return_index=True)
    shown = shown.take(np.sort(first))
    return _cut(events), _cut(shown)


def _cut(frame: Frame) -> list[Frame]:
    return [frame.take(slice(a, a + FRAME)) for a in range(0, len(frame), FRAME)]


@contextlib.contextmanager
def contests(folder: Path) -> Iterator[list[tuple[Contest, bool]]]:
    """All contests, and whether each is of events."""
    with Mongo(folder) as mongo, MySQL(folder) as mysql, Redis(folder) as redis:
        sqlite = f"sqlite:///{folder / 'bench.db'}"
        made: list[tuple[Contest, bool]] = []
        for store, url, loops in (
            ("SQLite", sqlite, bare_loops.SqlLoops(sqlite)),
            ("MariaDB", mysql.url, bare_loops.SqlLoops(mysql.url)),
            ("MongoDB", mongo.url, bare_loops.MongoLoops(mongo.url)),
            ("Redis", redis.url, bare_loops.RedisLoops(redis.url)),
        ):
            for rows, loop, bare, is_events in loops.all():
                made.append((Contest(f"{store}: {rows}", loop, url, loops.clear, bare), is_events))
        yield made


def main() -> None:
    """Measures all, in turns, and prints a table."""
    made = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    made.add_argument("--rows", type=int, default=50_000, help="rows (default: %(default)s)")
    made.add_argument(
        "--rounds", type=int, default=3, help="the best of so many (default: %(default)s)"
    )
    given = made.parse_args()
    events, shown = make_frames(given.rows)
    table = Table(title=f"Rows a second, {given.rows:,} rows, best of {given.rounds}")
    for title in ("store and rows", "the bare loop", "bare", "sink", "sink / bare"):
        table.add_column(title)
    with tempfile.TemporaryDirectory() as name, contests(Path(name)) as all_of_them:
        for contest, is_events in all_of_them:
            frames = events if is_events else shown
            rows = sum(map(len, frames))
            rounds = [contest.seconds(frames) for _ in range(given.rounds)]
            bare, sink = (min(column) for column in zip(*rounds, strict=True))
            rates = (f"{rows / bare:,.0f}", f"{rows / sink:,.0f}", f"{bare / sink:.0%}")
            table.add_row(contest.what, contest.loop, *rates)
    Console(width=130).print(table)


if __name__ == "__main__":
    main()
