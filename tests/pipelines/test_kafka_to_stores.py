"""The main job from a real Kafka into four real stores, beside file and oracle."""

import random
from collections import Counter
from pathlib import Path

import pytest

from deploy.servers.kafka import Kafka
from pipelines import replay
from tests.graph import run_job
from tests.oracle.events import Event
from tests.pipelines.stores import Stores, check, read_letters
from tests.pipelines.streams import START, clicks, produce, values_by_place

pytestmark = [pytest.mark.servers, pytest.mark.slow]

MALFORMED = ["oh,1,pv,5", "1,2", "1,2,3,4,5", "7,7,look,1600000000"]


def test_the_whole_graph_from_kafka_is_the_files_and_the_oracles(
    kafka: Kafka, topic: str, stores: Stores, tmp_path: Path
) -> None:
    events = clicks(1)
    lines = [f"{e.user},{e.item},{e.behavior},{e.time}" for e in events]
    for place, line in enumerate(MALFORMED):
        lines.insert(place * 300, line)
    path = tmp_path / "clicks.csv"
    path.write_text("user,item,behavior,time\n" + "\n".join(lines) + "\n")
    url = f"{kafka.url}/{topic}"
    assert replay.main([f"--input={path}", f"--output={url}", "--keep_malformed"]) == 0

    for name in ("file", "again"):
        (tmp_path / name).mkdir()
    of_file = run_job(tmp_path / "file", f"--input={path}")
    flags = (f"--input={url}", "--kafka_stop_at=latest", *stores.flags)
    of_kafka = run_job(tmp_path, *flags)
    assert sorted(of_kafka.records) == sorted(of_file.records)
    assert of_kafka[1:4] == of_file[1:4]
    found = check(stores, events)
    policy_minutes = {row[:2]: row[2:] for row in found["mysql policy_minute"]}
    assert policy_minutes == of_file.minutes
    assert found["postgres policy_minute"] == found["mysql policy_minute"]

    count = of_kafka.summary.get
    assert count("lines") == len(events) + len(MALFORMED)
    assert count("duplicates") == len(events) - len(set(events))
    assert count("malformed") == len(MALFORMED)
    assert count("late") == 0
    assert count("lines") == count("closed") + count("duplicates") + count("malformed")
    letters = read_letters(tmp_path)
    assert Counter(letter["raw"] for letter in letters) == Counter(MALFORMED)
    places = {letter["source"]: letter["raw"].encode() for letter in letters}
    assert places.items() <= values_by_place(kafka, topic).items()

    run_job(tmp_path / "again", *flags)
    assert stores.everything() == found


def test_no_order_of_arrival_within_the_bound_changes_anything(
    kafka: Kafka, topic: str, stores: Stores, tmp_path: Path
) -> None:
    """A user's events in all partitions, repeated in others, one partition before the others;
    and one event that comes when all its windows have long been given.
    """
    events = clicks(2)
    rng = random.Random(3)
    parts: list[list[Event]] = [[], [], []]
    for event in events:
        for place in rng.sample(range(3), rng.choice((1, 1, 1, 2))):
            parts[place].append(event)
    late = Event(START - 2 * 3600, 1, 1, "buy")
    parts[1].append(late)
    produce(kafka, topic, parts)
    tables = run_job(
        tmp_path, f"--input={kafka.url}/{topic}", "--kafka_stop_at=latest", *stores.flags
    )
    check(stores, events, [late])
    count = tables.summary.get
    assert count("late") == 1
    assert count("duplicates") == sum(map(len, parts)) - 1 - len(set(events))
    assert count("lines") == count("closed") + count("late") + count("duplicates")
    (letter,) = read_letters(tmp_path)
    assert (letter["reason"], letter["time"]) == ("late", late.time)
    assert letter["raw"] == f"1,1,{late.time},buy"
