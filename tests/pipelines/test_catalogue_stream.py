"""A stream whose catalogue changes, and that forgets a user, while it runs."""

import math
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer

from deploy.servers.kafka import Kafka
from pipelines import forget
from tests.flink.stream import ROOT, enable_ctrl_c

pytestmark = [pytest.mark.servers, pytest.mark.slow]

LIMIT = 400.0
"""Seconds after which the test gives up."""

USER, GONE = 100, 3
FORGOTTEN = 7
"""A user who clicks until the item leaves, and is forgotten then."""


def rows(store: Path, query: str) -> list[tuple[Any, ...]]:
    if not store.exists():
        return []
    try:
        with sqlite3.connect(store, timeout=60) as db:
            return db.execute(query).fetchall()
    except sqlite3.OperationalError:
        return []  # The table is not there yet.


def write(path: Path, available: str) -> int:
    """Writes the catalogue; from when on it counts."""
    lines = [f"{item},{available if item == GONE else 'true'}\n" for item in (1, 2, 3, 4, 50)]
    other = path.with_suffix(".new")
    other.write_text("item,available\n" + "".join(lines))
    other.rename(path)
    return math.ceil(path.stat().st_mtime)


def test_an_item_that_leaves_the_catalogue_is_in_no_list_from_then_on(
    tmp_path: Path, kafka: Kafka, topic: str
) -> None:
    items, store, forgotten = (tmp_path / name for name in ("items.csv", "store.db", "gone.csv"))
    write(items, "true")
    forgotten.touch()
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap)
    flags = [
        f"--input={kafka.url}/{topic}", f"--items={items}", "--model=none",
        f"--forget={forgotten}",
        *(f"--{name}_sink=sqlite:///{store}" for name in ("record", "popular", "recommendation")),
        "--popular_window=60", "--popular_period=10", "--recommend_period=10",
        "--max_out_of_orderness=3", "--reward_window=60", "--idle_timeout=5", "--shards=1",
        "--runner=PrismRunner",
    ]  # fmt: skip
    command = [sys.executable, "-W", "ignore", "-m", "pipelines.recommend", *flags]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    job = subprocess.Popen(command, cwd=tmp_path, env=environment, preexec_fn=enable_ctrl_c)
    until = time.monotonic() + LIMIT
    lists = "SELECT time, items FROM recommendation WHERE user = 100"

    def click_until(done: Callable[[], bool], *more: int) -> None:
        while not done():
            assert time.monotonic() < until
            assert job.poll() is None
            now = int(time.time())
            for user in (1, 2, 3, 4, USER, *more):
                value = f"{user},{user if user < 9 else 50},{now}"
                producer.send(topic, value.encode(), partition=user % 3)
            producer.flush()
            time.sleep(0.5)

    def is_offered(text: str) -> bool:
        return str(GONE) in text.strip("[]").split(", ")

    try:
        click_until(lambda: any(is_offered(text) for _, text in rows(store, lists)), FORGOTTEN)
        assert forget.main([f"--user={FORGOTTEN}", f"--forget={forgotten}"]) == 0
        moment = int(forgotten.read_text().split(",")[-1])
        since = write(items, "false")
        click_until(lambda: any(at >= since + 20 for at, _ in rows(store, lists)))
        gone = "SELECT 1 FROM item WHERE item = '3' AND available = 0"
        click_until(lambda: bool(rows(store, gone)))
        found = rows(store, lists)
        assert not any(is_offered(text) for at, text in found if at >= since)
        assert any(text != "[]" for at, text in found if at >= since)
        # Without the row the user would have lists for 60 s more.
        own = [at for (at,) in rows(store, "SELECT time FROM recommendation WHERE user = 7")]
        assert own
        assert max(own) < moment
        ranked = rows(store, "SELECT window_end FROM top WHERE item = 3")
        assert ranked
        assert all(end < since for (end,) in ranked)
    finally:
        job.send_signal(signal.SIGINT)
        job.wait(120)
        producer.close()
