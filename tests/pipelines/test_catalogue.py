"""The main job with a catalogue, in a file and in a topic, against the oracle."""

import json
import random
import sqlite3
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic

from deploy.servers.kafka import Kafka
from pipelines.recommend import main
from tests.fakes import ranked_items
from tests.flink.stream import EXPLORE, explored
from tests.graph import Tables, run_job
from tests.oracle import rules
from tests.oracle.catalogue import Described, Record, available_at, new_at
from tests.oracle.events import Event
from tests.oracle.exploration import explores
from tests.pipelines.few_events import START, stream, write_events
from transforms.messages.dead_letters import DeadLetter

NEVER = 1 << 60


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


def test_a_file_says_what_is_available_when(tmp_path: Path) -> None:
    events, catalogue = stream(1), records(1)
    items = tmp_path / "items.csv"
    rows = [f"{r.item},{r.available},{r.time},shoes\n" for r in catalogue]
    rows.insert(3, "7,perhaps,5,shoes\n")
    items.write_text("item_id,available,updated,category\n" + "".join(rows))
    path = write_events(tmp_path, events)
    tables = run_job(tmp_path, f"--input={path}", f"--items={items}")
    check(tables, events, catalogue)
    (letter,) = map(DeadLetter.from_json, (tmp_path / "dead.jsonl").read_text().splitlines())
    assert (letter.source, letter.reason) == (f"{items}:row 3", "not an availability")
    assert tables.summary.counters["malformed_items"] == 1
    newest = {record.item: record for record in catalogue}
    assert items_table(tmp_path) == {
        str(record.item): (record.time, int(record.available), {"category": "shoes"})
        for record in newest.values()
    }


def test_new_items_get_their_share_of_the_lists(tmp_path: Path) -> None:
    events, rng = stream(3)[:400], random.Random(3)
    catalogue = [
        Described(
            item,
            since,
            rng.random() < 0.8,
            rng.choice([None, "shoes"]),
            START + rng.randrange(-90_000, 1500) if item >= 2000 else 5,
        )
        for item in [*range(1009), *range(2000, 2040)]
        for since in (START - 100, START + rng.randrange(1500))[: 1 + item % 2]
    ]
    items = tmp_path / "items.csv"
    rows = [f"{r.item},{r.available},{r.time},{r.category or ''},{r.created}\n" for r in catalogue]
    items.write_text("item,available,updated,category,created\n" + "".join(rows))
    flags = [f"--input={write_events(tmp_path, events)}", f"--items={items}"]
    flags += ["--new_items=0.25", "--new_item_days=1", *EXPLORE]
    tables = run_job(tmp_path, *flags)

    @cache
    def offered(time: int) -> set[int]:
        return available_at(catalogue, time, NEVER)

    @cache
    def new(time: int) -> list[int]:
        return new_at(catalogue, time, NEVER, 86_400)

    def shown(user: int, at: int, pool: list[int]) -> tuple[list[int], list[float]]:
        own = sorted(event for event in events if event.user == user and event.time < at)
        taken = {event.item for event in own[-10:]}
        taken |= {event.item for event in own if event.behavior == "buy"}
        chosen = [item for item in new(at) if item not in taken][: 2 if pool else 0]
        found, chances = explored(user, at, pool)
        drawn = 2 if min(chances, default=1) < 1 else 0
        end = len(found) - drawn
        kept = min(end, 8 - drawn - len(chosen))
        return (
            found[:kept] + chosen + found[end:],
            chances[:kept] + [1.0] * len(chosen) + chances[end:],
        )

    wanted = rules.recommendations(
        events,
        lambda user, history: ranked_items(user, history, 12 if explores(user, 0.7, 0) else 8),
        tables.popular,
        available=offered,
        explore=shown,
    )
    assert {key: row[0] for key, row in tables.recommendations.items()} == {
        key: row.items for key, row in wanted.items()
    }
    found = [row for row in wanted.values() if any(item >= 2000 for item in row.items)]
    assert 0 < sum(min(row.propensities) < 1 for row in found) < len(found)
    # They are the policy's, without a draw.
    for items_shown, policy, chances, _ in tables.recommendations.values():
        for item, chance in zip(items_shown, chances, strict=True):
            assert item < 2000 or (policy, chance) == ("fake-1", 1.0)


def items_table(folder: Path) -> dict[str, tuple[int, int, dict]]:
    with sqlite3.connect(folder / "store.db") as db:
        rows = db.execute("SELECT item, updated, available, details FROM item").fetchall()
    return {item: (updated, available, json.loads(more)) for item, updated, available, more in rows}


@pytest.mark.servers
def test_a_topic_says_what_is_available_when(tmp_path: Path, kafka: Kafka, unique: str) -> None:
    events, catalogue = stream(2), records(2)
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    # The records are old: the broker must not remove them in mid-test.
    admin.create_topics([NewTopic(unique, 2, 1, topic_configs={"retention.ms": "-1"})])
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
        ("item,category\n3,shoes\n", "no item of --items has both a category and a time"),
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
        main([f"--input={path}", f"--items={items}", "--new_items=0.5"])
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
