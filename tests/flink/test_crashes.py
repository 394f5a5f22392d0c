"""Crashes of a Python worker and of a task manager during a stream: the tables are the oracle's.

`make chaos` tests crashes of the job manager and the broker too, with three stores.
"""

import random
import time
from pathlib import Path

import pytest

from benchmarks.text_ids import schema_of
from deploy.flink import FlinkCluster
from deploy.servers.kafka import Kafka
from tests.flink import stream
from tests.flink.test_savepoint import wait_for_records, wait_for_windows
from tests.oracle.events import Event
from tests.pipelines.stores import Stores, check, oracle

pytestmark = [
    pytest.mark.flink,
    pytest.mark.servers,
    pytest.mark.slow,
    pytest.mark.timeout(3600),
]


def test_a_killed_worker_and_a_killed_task_manager_change_nothing(
    tmp_path: Path, kafka: Kafka, flink_cluster: FlinkCluster, stores: Stores, unique: str
) -> None:
    """With ids that are text, from a topic to all stores."""
    events = [
        Event(e.time, f"item {e.item} é", f"{e.user}: üser", e.behavior) for e in stream.clicks(13)
    ]
    closing = stream.closing(events)._replace(item="last", user="last")
    thirds = [events[:700], events[700:1400], [*events[1400:], closing]]
    store, schema = tmp_path / "store.db", tmp_path / "shop.toml"
    schema.write_text(schema_of("text", header=False))
    url = stream.make_topic(kafka, unique)
    flags = [f"--input={url}", f"--schema={schema}", "--idle_timeout=2"]
    flags += [*stream.sqlite_flags(store), *stores.flags]
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
        wait_for_stores(stores, events, closing)
        stream.stop(job, tmp_path)
    check(stores, events, [closing], policy=False)


def wait_for_stores(stores: Stores, events: list[Event], closing: Event) -> None:
    """Waits until every store has as much as the oracle says: each is written by itself."""
    rankings, shown = oracle(events, policy=False)
    records = len({*events, closing})
    wanted = {
        "record": records,
        "top": sum(map(len, rankings.values())),
        "recommendation": len(shown),
    }
    wanted = {f"{server} {table}": n for server in ("mysql", "postgres") for table, n in
              wanted.items()}  # fmt: skip
    wanted |= {"mongo records": records, "mongo popular": len(rankings)}
    wanted["mongo recommendResults"] = len(shown)
    end = time.monotonic() + 1200
    while time.monotonic() < end:
        held = stores.everything()
        if all(len(held.get(name, ())) == count for name, count in wanted.items()):
            return
        time.sleep(0.5)
    raise AssertionError({name: len(held.get(name, ())) for name in wanted})
