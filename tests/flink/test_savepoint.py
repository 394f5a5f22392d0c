"""Ctrl-C makes a savepoint, from which the job resumes, also with another parallelism."""

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from deploy.flink import FlinkCluster
from deploy.servers.kafka import Kafka
from pipelines.running.summary import Summary
from tests.flink import stream
from tests.graph import read_tables
from tests.oracle import rules
from tests.oracle.events import Event
from tests.oracle.forgotten import Lives, Tombstone

pytestmark = [
    pytest.mark.flink,
    pytest.mark.servers,
    pytest.mark.slow,
    pytest.mark.timeout(3600),
]


def wait_for_records(store: Path, count: int, timeout_s: float = 1200) -> None:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        try:
            with sqlite3.connect(store) as connection:
                if connection.execute("SELECT COUNT(*) FROM record").fetchone()[0] == count:
                    return
        except sqlite3.OperationalError:
            pass  # There is no table yet.
        time.sleep(0.3)
    raise AssertionError(f"{store} has no {count} records after {timeout_s} s")


def wait_for_windows(
    store: Path, events: Sequence[Event], timeout_s: float = 1200, gone: Sequence[Tombstone] = ()
) -> None:
    """Waits for all rankings and recommendations of the events."""
    lives = Lives(events, gone)
    due = {
        (e.user, at)
        for e in events
        for at in ((e.time // 20 + place) * 20 for place in (1, 2, 3))
        if at < lives.of(e.user, e.time).end
    }
    expected = (sum(len(rows) for rows in rules.popular(events).values()), len(due))
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        with sqlite3.connect(store) as connection:
            query = "SELECT (SELECT COUNT(*) FROM top), (SELECT COUNT(*) FROM recommendation)"
            found = connection.execute(query).fetchone()
        if found == expected:
            return
        time.sleep(0.3)
    raise AssertionError(f"{found} rankings and recommendations, not {expected}")


def test_a_job_resumes_with_another_parallelism(
    tmp_path: Path, kafka: Kafka, flink_cluster: FlinkCluster, unique: str
) -> None:
    """`--kafka_start=latest` applies to a first start only: the savepoint has the offsets.

    Users are forgotten whom the file names after the savepoint.
    """
    events = stream.clicks(12)
    half = len(events) // 2
    url = stream.make_topic(kafka, unique)
    store, forgotten = tmp_path / "store.db", tmp_path / "forgotten.csv"
    forgotten.touch()
    flags = [f"--input={url}", f"--forget={forgotten}", *stream.sqlite_flags(store)]

    stream.send(kafka, unique, events[:half])
    with stream.running(tmp_path / "first", *flags, *flink_cluster.options(4)) as job:
        wait_for_records(store, len(set(events[:half])))
        said = stream.stop(job, tmp_path / "first")
    assert f"{flink_cluster.url}/#/job/running/" in said
    savepoint = stream.savepoint_of(said)
    assert Path(savepoint.removeprefix("file://").removeprefix("file:")).is_dir(), said

    other = tmp_path / "other"
    resume = [f"--savepoint={savepoint}", *flink_cluster.options(1)]
    with stream.running(other, *flags, *resume, "--shards=5") as job:
        assert job.wait(900) == 2, (other / "out.txt").read_text()
    said = (other / "out.txt").read_text()
    assert "--savepoint: its state is that of another job: give the --shards" in said

    closing = stream.closing(events)
    stream.send(kafka, unique, [*events[half:], closing])
    done = max(event.time for event in events[:half])
    gone = [(event.user, event.time) for event in events[half::40] if event.time > done]
    assert len(gone) > 5
    forgotten.write_text("user,time\n" + "".join(f"{user},{at}\n" for user, at in gone))
    resume += ["--kafka_start=latest", "--idle_timeout=2"]
    with stream.running(tmp_path / "second", *flags, *resume) as job:
        wait_for_records(store, len({*events, closing}))
        wait_for_windows(store, events, gone=gone)
        stream.stop(job, tmp_path / "second")
    stream.check(read_tables(store, Summary({}, 1.0)), events, [closing], gone=gone)


@pytest.mark.long
def test_a_job_on_the_embedded_cluster_resumes(tmp_path: Path, kafka: Kafka, unique: str) -> None:
    """With its tables: that it resumes at all is in the tests of the changes of a topic."""
    events = stream.clicks(14)
    half = len(events) // 2
    url = stream.make_topic(kafka, unique)
    store = tmp_path / "store.db"
    flags = [f"--input={url}", "--runner=FlinkRunner", *stream.sqlite_flags(store)]
    stream.send(kafka, unique, events[:half])
    with stream.running(tmp_path / "first", *flags) as job:
        wait_for_records(store, len(set(events[:half])))
        savepoint = stream.savepoint_of(stream.stop(job, tmp_path / "first"))

    closing = stream.closing(events)
    stream.send(kafka, unique, [*events[half:], closing])
    resume = [f"--savepoint={savepoint}", "--idle_timeout=2"]
    with stream.running(tmp_path / "second", *flags, *resume) as job:
        wait_for_records(store, len({*events, closing}))
        wait_for_windows(store, events)
        stream.stop(job, tmp_path / "second")
    stream.check(read_tables(store, Summary({}, 1.0)), events, [closing])
