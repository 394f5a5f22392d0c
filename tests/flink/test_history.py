"""On Flink, files and then a topic, whose first records are in the files too, are one stream."""

from pathlib import Path

import pytest

from deploy.servers.kafka import Kafka
from pipelines.running.summary import Summary
from tests.flink import stream
from tests.flink.test_savepoint import wait_for_records, wait_for_windows
from tests.graph import read_tables

pytestmark = [
    pytest.mark.flink,
    pytest.mark.servers,
    pytest.mark.slow,
    pytest.mark.timeout(3600),
]


def test_files_then_a_topic(tmp_path: Path, kafka: Kafka, unique: str) -> None:
    events = stream.clicks(14)
    half = len(events) // 2
    stream.write_file(tmp_path / "old.csv", events[:half])
    url = stream.make_topic(kafka, unique)
    store = tmp_path / "store.db"
    # The timestamps of the records are those of this moment: all of them follow the files.
    stream.send(kafka, unique, events[half - half // 4 :])
    flags = [
        f"--input={url}", f"--history={tmp_path}/old.csv", "--runner=FlinkRunner",
        "--idle_timeout=2", *stream.sqlite_flags(store),
    ]  # fmt: skip
    closing = stream.closing(events)
    with stream.running(tmp_path / "job", *flags) as job:
        wait_for_records(store, len(set(events)))
        stream.send(kafka, unique, [closing])
        wait_for_records(store, len({*events, closing}))
        wait_for_windows(store, events)
        stream.stop(job, tmp_path / "job")
    stream.check(read_tables(store, Summary({}, 1.0)), events, [closing])
