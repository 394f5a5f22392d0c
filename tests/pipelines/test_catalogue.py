"""The main job with a catalogue, in a file and in a topic, against the oracle."""

import json
import random
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic

from deploy.servers.kafka import Kafka
from pipelines.recommend import main
from tests.fakes import ranked_items
from tests.graph import Tables, run_job
from tests.oracle import rules
from tests.oracle.catalogue import Record, available_at
from tests.oracle.events import BEHAVIORS, Event

START = 1_600_000_000
NEVER = 1 << 60


def stream(seed: int) -> list[Event]:
    rng = random.Random(seed)
    return [
        Event(START + rng.randrange(1500), rng.randrange(30), rng.randrange(12),
              rng.choice(BEHAVIORS))
        for _ in range(700)
    ]  # fmt: skip


def records(seed: int) -> list[Record]:
    """Items as they come and go: some of the stream, some that only the fake policy ranks."""
    rng = random.Random(seed)
    items = [*range(25), *range(30, 1009, 2)]
    found = [Record(item, START - 100, rng.random() < 0.8) for item in items]
    changes = [
        Record(rng.choice(items), START + rng.randrange(1500), rng.random() < 0.5)
        for _ in range(400)
    ]
    return found + sorted(changes, key=lambda record: record.time)


def check(tables: Tables, events: Sequence[Event], catalogue: list[Record]) -> None:
    def offered(time: int) -> set[int]:
        return available_at(catalogue, time, NEVER)

    rankings = rules.popular(events, available=offered)
    assert tables.popular == rankings
    shown = rules.recommendations(
        events,
        lambda user, history: ranked_items(user, history, 8),
        rankings,
        available=offered,
    )
    assert {key: row[0] for key, row in tables.recommendations.items()} == {
        key: row.items for key, row in shown.items()
    }
    # The catalogue matters: it leaves out something of most lists.
    free = rules.recommendations(
        events, lambda user, history: ranked_items(user, history, 8), rules.popular(events)
    )
    assert sum(free[key].items != row.items for key, row in shown.items()) > len(shown) / 2


def write_events(folder: Path, events: Sequence[Event]) -> Path:
    path = folder / "clicks.csv"
    lines = [f"{e.user},{e.item},{e.behavior},{e.time}\n" for e in events]
    path.write_text("user,item,behavior,time\n" + "".join(lines))
    return path


def test_a_file_says_what_is_available_when(tmp_path: Path) -> None:
    events, catalogue = stream(1), records(1)
    items = tmp_path / "items.csv"
    rows = [f"{r.item},{r.available},{r.time},shoes\n" for r in catalogue]
    items.write_text("item_id,available,updated,category\n" + "".join(rows))
    path = write_events(tmp_path, events)
    check(run_job(tmp_path, f"--input={path}", f"--items={items}"), events, catalogue)
    newest = {record.item: record for record in catalogue}
    assert items_table(tmp_path) == {
        str(record.item): (record.time, int(record.available), {"category": "shoes"})
        for record in newest.values()
    }


def items_table(folder: Path) -> dict[str, tuple[int, int, dict]]:
    with sqlite3.connect(folder / "store.db") as db:
        rows = db.execute("SELECT item, updated, available, details FROM item").fetchall()
    return {item: (updated, available, json.loads(more)) for item, updated, available, more in rows}


@pytest.mark.servers
def test_a_topic_says_what_is_available_when(tmp_path: Path, kafka: Kafka, unique: str) -> None:
    events, catalogue = stream(2), records(2)
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    admin.create_topics([NewTopic(unique, 2, 1)])
    admin.close()
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap)
    for place, record in enumerate(catalogue):
        value = json.dumps({"available": record.available, "price": 3.5}).encode()
        if not record.available and place % 2:
            value = None  # A tombstone.
        producer.send(
            unique, value, str(record.item).encode(), timestamp_ms=record.time * 1000 - 500
        )
    producer.flush()
    producer.close()
    path = write_events(tmp_path, events)
    flags = (f"--input={path}", f"--items={kafka.url}/{unique}")
    check(run_job(tmp_path, *flags), events, catalogue)
    newest = {str(record.item): int(record.available) for record in catalogue}
    assert {item: row[1] for item, row in items_table(tmp_path).items()} == newest


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "has no column 'item'"),
        ("name,price\n1,2\n", "has no column 'item'"),
        ("item\nx\ny\n3\n", "2 of 3 rows are malformed"),
        (None, "there is no such file"),
    ],
)
def test_a_catalogue_that_cannot_be_used_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    content: str | None, words: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    items = tmp_path / "items.csv"
    if content is not None:
        items.write_text(content)
    path = write_events(tmp_path, stream(1)[:3])
    with pytest.raises(SystemExit) as end:
        main([f"--input={path}", f"--items={items}"])
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
