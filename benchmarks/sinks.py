"""Speed of each sink and of the best bulk loop with the bare client.

    python -m benchmarks.sinks --rows=50000

Starts servers on free ports with a temporary data folder. A sink's time includes the conversion of
frames to rows; a bare loop's rows are converted before. Some loops, which the table marks, have
wrong results after a replay; another loop with the right results is measured too.
"""

from __future__ import annotations

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
from benchmarks.options import read_settings
from deploy.servers.mongo import Mongo
from deploy.servers.mysql import MySQL
from deploy.servers.redis import Redis
from rivulet.settings import option
from sinks import open_source
from transforms.columns.frames import Frame
from transforms.messages.events import EventBatch
from transforms.messages.recommendations import Recommendations

FRAME = 5_000
LIST_SIZE = 8


@dataclass(frozen=True)
class SinksBenchmarkSettings:
    """Benchmark.

    Attributes:
        rows: rows to write.
        rounds: number of runs, of which the fastest counts.
    """

    rows: int = option(50_000, "N", least=1_000)
    rounds: int = option(3, "N", least=1)


@dataclass(frozen=True)
class Comparison:
    """A sink and a bare loop that write the same rows.

    Attributes:
        rows: the store and the kind of rows.
        loop: the loop's description.
        url: the store's URL.
        clear: empties the store.
        bare: returns a function that writes the rows of a frame; called before the time is taken.
    """

    rows: str
    loop: str
    url: str
    clear: Callable[[], None]
    bare: Callable[[Frame], Callable[[], None]]

    def seconds(self, frames: list[Frame]) -> tuple[float, float]:
        """Seconds of the bare loop and of the sink, each with an empty store."""
        self.clear()
        store = open_source(self.url).open()
        store.prepare()
        ready = [self.bare(frame) for frame in frames]
        started = time.perf_counter()
        for write in ready:
            write()
        bare = time.perf_counter() - started
        self.clear()
        store.prepare()
        sink = store.writer(type(frames[0]))
        started = time.perf_counter()
        for frame in frames:
            if sink(frame):
                raise RuntimeError(f"{self.rows}: rows were refused")
        seconds = time.perf_counter() - started
        store.close()
        return bare, seconds


def make_frames(rows: int) -> tuple[list[Frame], list[Frame]]:
    """Frames of events in event-time order, and frames of recommendations."""
    rng = np.random.default_rng(0)
    time_of = np.sort(rng.integers(1_511_658_000, 1_511_658_000 + 9 * 86_400, rows))
    user, item = rng.integers(0, rows // 50, rows), rng.zipf(1.2, rows) % 700_000
    events = EventBatch(user, item, rng.integers(0, 4, rows).astype(np.int8), time_of).ordered()
    events = events.take(np.argsort(events.time, kind="stable"))
    shown = Recommendations(
        user=user,
        time=np.arange(rows) // 1_000 * 20 + 1_511_658_000,
        items=rng.integers(1, 700_000, (rows, LIST_SIZE)),
        length=np.full(rows, LIST_SIZE),
        propensities=np.ones((rows, LIST_SIZE), np.float32),
        policy=np.full(rows, b"reinforce", "S64"),
        last_reward=rng.integers(-1, 3, rows),
    )
    _, first = np.unique(np.stack((shown.user, shown.time)), axis=1, return_index=True)
    shown = shown.take(np.sort(first))
    return _cut(events), _cut(shown)


def _cut(frame: Frame) -> list[Frame]:
    return [frame.take(slice(a, a + FRAME)) for a in range(0, len(frame), FRAME)]


@contextlib.contextmanager
def comparisons(folder: Path) -> Iterator[list[tuple[Comparison, bool]]]:
    """All comparisons, and whether each writes events."""
    with Mongo(folder) as mongo, MySQL(folder) as mysql, Redis(folder) as redis:
        sqlite = f"sqlite:///{folder / 'bench.db'}"
        made: list[tuple[Comparison, bool]] = []
        for store, url, loops in (
            ("SQLite", sqlite, bare_loops.SqlLoops(sqlite)),
            ("MariaDB", mysql.url, bare_loops.SqlLoops(mysql.url)),
            ("MongoDB", mongo.url, bare_loops.MongoLoops(mongo.url)),
            ("Redis", redis.url, bare_loops.RedisLoops(redis.url)),
        ):
            for rows, loop, bare, is_events in loops.all():
                made.append(
                    (Comparison(f"{store}: {rows}", loop, url, loops.clear, bare), is_events)
                )
        yield made


def main() -> None:
    """Measures all comparisons and prints a table."""
    chosen = read_settings("sinks", __doc__, SinksBenchmarkSettings)
    events, shown = make_frames(chosen.rows)
    table = Table(title=f"Rows a second, {chosen.rows:,} rows, best of {chosen.rounds}")
    for title in ("store and rows", "the bare loop", "bare", "sink", "sink / bare"):
        table.add_column(title)
    with tempfile.TemporaryDirectory() as name, comparisons(Path(name)) as all_comparisons:
        for comparison, is_events in all_comparisons:
            frames = events if is_events else shown
            rows = sum(map(len, frames))
            rounds = [comparison.seconds(frames) for _ in range(chosen.rounds)]
            bare, sink = (min(column) for column in zip(*rounds, strict=True))
            rates = (f"{rows / bare:,.0f}", f"{rows / sink:,.0f}", f"{bare / sink:.0%}")
            table.add_row(comparison.rows, comparison.loop, *rates)
    Console(width=130).print(table)


if __name__ == "__main__":
    main()
