"""One stream with its expected tables, and the job as a process."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic

from deploy.servers.kafka import Kafka
from tests.fakes import LABEL, ranked_items
from tests.graph import Tables
from tests.oracle import exploration, rules
from tests.oracle.events import Event
from tests.oracle.forgotten import Lives, Tombstone
from tests.pipelines import streams

ROOT = Path(__file__).parents[2]
MALFORMED = ["oh,1,5,pv", "1,2", "7,7,1600000000,look"]


def clicks(seed: int) -> list[Event]:
    """2,000 events in arrival order, and duplicates of some of them."""
    return streams.clicks(seed, count=2000, span=400)


def write_file(path: Path, events: Sequence[Event]) -> None:
    """Writes the stream as a CSV file with malformed lines."""
    lines = [f"{e.user},{e.item},{e.time},{e.behavior}" for e in events]
    for place, line in enumerate(MALFORMED):
        lines.insert(place * 300, line)
    path.write_text("user,item,time,behavior\n" + "\n".join(lines) + "\n")


def send(kafka: Kafka, topic: str, events: Sequence[Event], more: Sequence[str] = ()) -> None:
    """Sends the stream to a topic, keyed by user."""
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap, linger_ms=20)
    for e in events:
        producer.send(
            topic, f"{e.user},{e.item},{e.time},{e.behavior}".encode(), key=str(e.user).encode()
        )
    for line in more:
        producer.send(topic, line.encode(), partition=0)
    producer.flush()
    producer.close()


def send_impressions(
    kafka: Kafka, topic: str, rows: Sequence[tuple[int, int, int]], more: Sequence[str] = ()
) -> None:
    """Sends impressions (user, ranking time, time) to a topic, keyed by user."""
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap, linger_ms=20)
    for user, at, time in rows:
        producer.send(topic, f"{user},{at},{time}".encode(), key=b"%d" % user)
    for line in more:
        producer.send(topic, line.encode(), partition=0)
    producer.flush()
    producer.close()


def make_topic(kafka: Kafka, name: str, partitions: int = 3) -> str:
    """Creates a topic.

    Returns:
        Its URL.
    """
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    admin.create_topics([NewTopic(name, partitions, 1)])
    admin.close()
    return f"{kafka.url}/{name}"


def closing(events: Sequence[Event]) -> Event:
    """An event after all windows of the others, which it closes; its own windows stay open."""
    return Event(max(event.time for event in events) + 2 * 3600, 999, 999, "pv")


EXPLORE = ("--explore=epsilon:0.5", "--explore_users=0.7", "--explore_pool=12")


def explored(user: int, time: int, pool: list[int]) -> tuple[list[int], list[float]]:
    """The oracle's list of a job with the options EXPLORE."""
    candidates = len(pool) - 6
    if len(pool) <= 8 or not exploration.explores(user, 0.7, 0):
        return pool[:8], [1.0] * len(pool[:8])
    inclusion = exploration.whole(exploration.epsilon(candidates, 2, 0.5), 2)
    seed = exploration.list_seed(user, time, LABEL, 0)
    return exploration.explored_list(pool, inclusion, 8, 2, seed)


def check(
    tables: Tables, events: Sequence[Event], closing: Sequence[Event] = (), explore: bool = False,
    gone: Sequence[Tombstone] = (),
) -> None:  # fmt: skip
    """Asserts that the tables are the oracle's.

    Args:
        tables: the job's tables.
        events: the stream.
        closing: further events, of which only the records are in the tables.
        explore: the job had the options EXPLORE.
        gone: the users who were forgotten; not with `explore`.
    """
    rankings, lives = rules.popular(events), Lives(events, gone)

    def plain(user: int, time: int, pool: list[int]) -> tuple[list[int], list[float]]:
        return pool, [1.0] * len(pool)

    def model(life: int, history: list[int]) -> list[int]:
        user = lives.lives[life].user
        # The fake policy's lists differ with the number that is asked for.
        wide = explore and exploration.explores(user, 0.7, 0)
        return ranked_items(user, history, 12 if wide else 8)

    def draw(life: int, time: int, pool: list[int]) -> tuple[list[int], list[float]]:
        return explored(lives.lives[life].user, time, pool)

    of_lives = rules.recommendations(
        lives.divided(events), model, rankings, explore=draw if explore else plain
    )
    shown = {
        (lives.lives[life].user, at): row
        for (life, at), row in of_lives.items()
        if at < lives.lives[life].end
    }
    recorded = {(e.user, e.item, e.behavior, e.time) for e in (*events, *closing)}
    assert sorted(tables.records) == sorted(recorded)
    assert tables.popular == rankings
    expected = {
        key: (
            row.items, LABEL.decode() if row.by_policy else "popular",
            np.float32(row.propensities).tolist(), row.last_reward,
        )
        for key, row in shown.items()
    }  # fmt: skip
    found = tables.recommendations
    keys = sorted(key for key in expected.keys() | found if expected.get(key) != found.get(key))
    # pytest shortens two tables that differ so that no row of them is seen.
    rows = "\n".join(f"{key}: {expected.get(key)} != {found.get(key)}" for key in keys[:20])
    assert not keys, f"(user, time): expected != found, in {len(keys)} of {len(expected)}:\n{rows}"


def sqlite_flags(store: Path) -> list[str]:
    """The options for results in one SQLite file, and dead letters beside it."""
    names = ("record", "popular", "recommendation")
    return [
        *(f"--{name}_sink=sqlite:///{store}" for name in names),
        f"--dead_letters={store.with_suffix('.jsonl')}",
    ]


def enable_ctrl_c() -> None:
    """Restores the default handler of SIGINT, which background jobs of a shell ignore."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def running(folder: Path, *flags: str) -> Iterator[subprocess.Popen[str]]:
    """Runs the job as a process in a folder of its own; the process ends with the context."""
    folder.mkdir(exist_ok=True)
    command = (sys.executable, "-W", "ignore", "-m", "tests.flink.job", *flags)
    with (folder / "out.txt").open("w+") as out:
        job = subprocess.Popen(
            command, cwd=folder, stdout=out, stderr=out, text=True, stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT)}, preexec_fn=enable_ctrl_c,
        )  # fmt: skip
        try:
            yield job
        finally:
            if job.poll() is None:
                job.kill()
                job.wait()


def stop(job: subprocess.Popen[str], folder: Path, timeout_s: float = 900) -> str:
    """Ends a job with Ctrl-C.

    Returns:
        What it printed.
    """
    job.send_signal(signal.SIGINT)
    status = job.wait(timeout_s)
    said = (folder / "out.txt").read_text()
    assert status == 0, said
    return said


def savepoint_of(said: str) -> str:
    """The savepoint that a job names when it ends."""
    return said.rpartition("Resume with --savepoint=")[2].split()[0]


def run(folder: Path, *flags: str, timeout_s: float = 1200) -> str:
    """Runs the job to its end.

    Returns:
        What it printed.
    """
    with running(folder, *flags) as job:
        status = job.wait(timeout_s)
    said = (folder / "out.txt").read_text()
    assert status == 0, said[-3000:]
    return said
