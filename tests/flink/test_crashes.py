"""Crashes of a Python worker and of a task manager during a stream: the tables are the oracle's.

`make chaos` tests crashes of the job manager and the broker too, with three stores.
"""

import random
import signal
from pathlib import Path

import pytest

from deploy.flink import FlinkCluster
from deploy.servers.kafka import Kafka
from pipelines.running.summary import Summary
from tests.flink import stream
from tests.flink.test_savepoint import wait_for_records, wait_for_windows
from tests.graph import read_tables
from tests.oracle.events import Event

pytestmark = [
    pytest.mark.flink,
    pytest.mark.servers,
    pytest.mark.slow,
    pytest.mark.timeout(3600),
]


def test_a_killed_worker_and_a_killed_task_manager_change_nothing(
    tmp_path: Path, kafka: Kafka, flink_cluster: FlinkCluster, unique: str
) -> None:
    events = stream.clicks(13)
    closing = stream.closing(events)
    thirds = [events[:700], events[700:1400], [*events[1400:], closing]]
    store = tmp_path / "store.db"
    url = stream.make_topic(kafka, unique)
    flags = [f"--input={url}", "--idle_timeout=2", *stream.sqlite_flags(store)]
    sent: set[Event] = set()
    with stream.running(tmp_path, *flags, *flink_cluster.options(2)) as job:
        for number, third in enumerate(thirds):
            stream.send(kafka, unique, third)
            sent.update(third)
            if number == 1:
                assert flink_cluster.worker_pool.kill_worker() is not None
            if number == 2:
                victim = random.choice(flink_cluster.task_managers)
                victim.kill()
                victim.start()
            wait_for_records(store, len(sent))
        wait_for_windows(store, events)
        job.send_signal(signal.SIGINT)
        assert job.wait(900) == 0, (tmp_path / "out.txt").read_text()
    stream.check(read_tables(store, Summary({}, 1.0)), events, [closing])
