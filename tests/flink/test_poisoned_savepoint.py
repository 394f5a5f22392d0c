"""A savepoint whose watermark is from the future works again with `--reset_watermark`."""

import json
import sqlite3
import time
from pathlib import Path

import pytest

from deploy.servers.kafka import Kafka
from pipelines.running.summary import Summary
from tests.flink import stream
from tests.flink.test_savepoint import wait_for_records
from tests.graph import read_tables
from tests.oracle import rules
from tests.oracle.events import Event

pytestmark = [
    pytest.mark.flink,
    pytest.mark.servers,
    pytest.mark.slow,
    pytest.mark.hostile,
    pytest.mark.timeout(1800),
]

WINDOW = 3600
"""Seconds of events that a ranking counts."""


def newest_ranking(store: Path) -> int:
    with sqlite3.connect(store) as connection:
        return int(connection.execute("SELECT MAX(window_end) FROM top").fetchone()[0])


def test_a_poisoned_savepoint_works_again(tmp_path: Path, kafka: Kafka, unique: str) -> None:
    events = stream.clicks(15)
    half = len(events) // 2
    poison = Event(int(time.time()) + 10 * 365 * 86_400, 998, 998, "pv")
    url = stream.make_topic(kafka, unique, partitions=1)
    store = tmp_path / "store.db"
    flags = [f"--input={url}", "--runner=FlinkRunner", *stream.sqlite_flags(store)]
    stream.send(kafka, unique, [*events[:half], poison])
    with stream.running(tmp_path / "first", *flags, "--max_future=1000000000") as job:
        wait_for_records(store, len({*events[:half], poison}))
        said = stream.stop(job, tmp_path / "first", 200)
    savepoint = stream.savepoint_of(said)

    closing = stream.closing(events)
    stream.send(kafka, unique, [*events[half:], closing])
    resume = [f"--savepoint={savepoint}", "--reset_watermark"]
    with stream.running(tmp_path / "second", *flags, *resume) as job:
        wait_for_records(store, len({*events, closing, poison}))
        until = time.monotonic() + 300
        while newest_ranking(store) < max(rules.popular(events)):
            assert time.monotonic() < until, (tmp_path / "second" / "out.txt").read_text()
            time.sleep(0.5)
        stream.stop(job, tmp_path / "second", 200)
    path = store.with_suffix(".jsonl")
    lines = path.read_text().splitlines() if path.exists() else []
    letters = [json.loads(line) for line in lines]
    # Of the windows before, the poisoned watermark has dropped the counts.
    expected = rules.popular(events)
    last = max(event.time for event in events[:half])
    after = {end: rows for end, rows in expected.items() if end - WINDOW > last}
    assert after
    found = read_tables(store, Summary({}, 1.0)).popular
    assert {end: found.get(end) for end in after} == after
    assert not [letter for letter in letters if letter["reason"] == "late"]
