"""On Flink the summary counts late events of both kinds: late at the source, and at their pane."""

import contextlib
import re
import sqlite3
import time
from pathlib import Path

import pytest

from deploy.servers.kafka import Kafka
from tests.flink import stream
from tests.flink.test_savepoint import wait_for_records
from tests.oracle.events import Event
from tests.pipelines.streams import START

pytestmark = [
    pytest.mark.flink,
    pytest.mark.servers,
    pytest.mark.slow,
    pytest.mark.timeout(3600),
]


def row(summary: str, name: str) -> int:
    found = re.search(rf"^\W*{name}\s+\W\s+([\d,]+)", summary, re.MULTILINE)
    assert found, summary
    return int(found[1].replace(",", ""))


def wait_for_window(store: Path, window_end: int, timeout_s: float = 1200) -> None:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        with contextlib.suppress(sqlite3.OperationalError), sqlite3.connect(store) as connection:
            (latest,) = connection.execute("SELECT MAX(window_end) FROM top").fetchone()
            if latest is not None and latest >= window_end:
                return
        time.sleep(0.3)
    raise AssertionError(f"no window ended at {window_end}")


def test_late_events_are_counted_at_both_steps(tmp_path: Path, kafka: Kafka, unique: str) -> None:
    in_time = [Event(START + 5 * number, number % 9, 7, "pv") for number in range(180)]
    at_pane = [Event(START + 601 + number, 50, 8, "pv") for number in range(7)]
    at_source = [Event(START + 1 + number, 51, 8, "pv") for number in range(3)]
    url = stream.make_topic(kafka, unique, partitions=1)
    store = tmp_path / "store.db"
    flags = [
        f"--input={url}", "--runner=FlinkRunner", "--allowed_lateness=600", "--late_alarm=1",
        *stream.sqlite_flags(store),
    ]  # fmt: skip
    stream.send(kafka, unique, in_time)
    with stream.running(tmp_path / "job", *flags) as job:
        wait_for_window(store, START + 800)
        stream.send(kafka, unique, [*at_pane, *at_source])
        wait_for_records(store, 190)
        summary = stream.stop(job, tmp_path / "job")
    assert row(summary, "late") == 10
    # The summary counts events of closed panes; the last pane is in the savepoint.
    still_open = sum(event.time >= START + 880 for event in in_time)
    assert row(summary, "recorded") == 190 - still_open
    letters = next(flag for flag in flags if flag.startswith("--dead_letters=")).partition("=")[2]
    assert Path(letters).read_text().count('"late"') == 10
