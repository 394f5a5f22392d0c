"""Data sets from stores and topics, beside those from a file of the same events."""

import json
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic

from deploy.servers.kafka import Kafka
from deploy.servers.mongo import Mongo
from sinks import open_source
from sinks.records import PLAIN, RecordColumns
from tests.sinks.databases import make_database
from tests.sinks.frames import Event, events
from tests.sinks.test_records import some_events
from tests.transforms.renamed import with_texts
from training.datasets import topic as topics
from training.prepare import main
from transforms.columns.event_details import EventDetails
from transforms.messages.events import EventBatch
from transforms.messages.id_kinds import IdKinds
from transforms.messages.record_fields import RecordFields

SERVERS = [pytest.param(name, marks=pytest.mark.servers) for name in ("mysql", "postgres", "mongo")]
YEAR_2099 = 4_080_000_000


def prepare(output: Path, *inputs: str | Path, flags: tuple[str, ...] = ()) -> dict:
    assert main(["--output", str(output), "--input", *map(str, inputs), *flags]) == 0
    return json.loads((output / "meta.json").read_text())


def file_of(folder: Path, written: list[Event]) -> Path:
    path = folder / "clicks.csv"
    lines = "".join(f"{u},{i},{b},{t}\n" for u, i, b, t in written)
    path.write_text(f"user,item,behavior,time\n{lines}")
    return path


def fill(url: str, written: list[Event]) -> None:
    fill_with(url, events(*written))


def fill_with(url: str, batch: EventBatch, kinds: RecordColumns = PLAIN) -> None:
    source = open_source(url).with_ids(kinds.ids)
    store = source.with_fields(RecordFields(event_id=kinds.event_id)).open()
    store.prepare()
    assert not store.writer(EventBatch)(batch)
    store.close()


def text(number: int) -> str:
    return f"é/{number} "


SHOP = """
[fields]
user = "user"
item = "item"
time = "time"
behavior = "behavior"
event_id = "order"
[ids]
user = "text"
item = "text"
"""


def check_texts(url: str, folder: Path, written: list[Event]) -> None:
    """The same events with ids that are text, twice each, with ids of their own."""
    ids = {number: text(number) for number in range(-3, 3)}
    batch = with_texts(events(*(written * 2)), ids, ids)
    own = np.repeat([1, 2], len(written))
    batch = batch.detailed(EventDetails(own, np.full(len(own), np.nan)))
    fill_with(url, batch, RecordColumns(IdKinds("text", "text"), event_id=True))
    path, schema = folder / "texts.csv", folder / "shop.toml"
    lines = [f"{ids[u]},{ids[i]},{b},{t},{order}\n" for order in (1, 2) for u, i, b, t in written]
    path.write_text("user,item,behavior,time,order\n" + "".join(lines))
    schema.write_text(SHOP)
    of_file = prepare(folder / "of_file", path, flags=("--schema", str(schema)))
    of_store = prepare(folder / "of_store", url)
    assert of_store["fingerprint"] == of_file["fingerprint"]
    assert of_store["events"] == 2 * len(set(written))
    assert of_store["labels"] == of_file["labels"]
    both = prepare(folder / "both", url, path, flags=("--schema", str(schema)))
    assert both["fingerprint"] == of_file["fingerprint"]
    with pytest.raises(SystemExit):
        prepare(folder / "mixed", url, folder / "clicks.csv")


@pytest.mark.parametrize("kind", ["sqlite", *SERVERS])
def test_a_store_gives_the_data_set_of_the_file(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, unique: str
) -> None:
    def url_of(name: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{tmp_path / name}.db"
        if kind == "mongo":
            server: Mongo = request.getfixturevalue("mongo")
            return server.url.replace("/rivulet", f"/{name}")
        # Without a driver: `mysql://`, `postgresql://`.
        made = make_database(request.getfixturevalue(kind), name)
        return made.replace("+pymysql", "").replace("+psycopg", "")

    url = url_of(unique)
    written = some_events(1)
    fill(url, [*written, (1, 2, "pv", YEAR_2099)])
    of_file = prepare(tmp_path / "file", file_of(tmp_path, written))
    of_store = prepare(tmp_path / "store", url)
    assert of_store["fingerprint"] == of_file["fingerprint"]
    assert of_store["labels"] == of_file["labels"]
    assert min(of_store["labels"].values()) > 0
    assert (of_store["rows"], of_store["malformed"]) == (len(set(written)) + 1, 1)
    assert (
        of_store["duplicates"] == of_store["rebuilt"] == len(of_store["left_out"]["filters"]) == 0
    )
    # The same events in a file and a store are one.
    both = prepare(tmp_path / "both", url, tmp_path / "clicks.csv")
    assert both["fingerprint"] == of_file["fingerprint"]
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts/clicks.csv").write_bytes((tmp_path / "clicks.csv").read_bytes())
    check_texts(url_of(f"{unique}x"), tmp_path / "texts", written)


@pytest.mark.servers
def test_a_topic_gives_the_data_set_of_the_file(
    kafka: Kafka, unique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topics, "POLL_RECORDS", 7)
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    items = f"{unique}-items"
    admin.create_topics([NewTopic(unique, 3, 1), NewTopic(items, 1, 1)])
    admin.close()
    written = some_events(2)
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap)
    for place, (user, item, behavior, at) in enumerate(written):
        # Partition 2 stays empty.
        producer.send(unique, f"{user},{item},{at},{behavior}".encode(), partition=place % 2)
    producer.send(unique, b"oh,1,2,pv", partition=0)
    producer.send(unique, f"1,1,{YEAR_2099},pv".encode(), partition=0)
    for key, category in ((1, "old"), (2, "toys"), (1, "tv.led"), (0, "gone"), (0, None)):
        value = None if category is None else json.dumps({"category": category}).encode()
        producer.send(items, key=str(key).encode(), value=value)
    producer.close()
    of_file = prepare(tmp_path / "file", file_of(tmp_path, written))
    of_topic = prepare(tmp_path / "topic", f"{kafka.url}/{unique}")
    assert of_topic["fingerprint"] == of_file["fingerprint"]
    assert (of_topic["rows"], of_topic["malformed"]) == (len(written) + 2, 2)
    assert of_topic["inputs"] == [f"{kafka.url}/{unique}"]
    # The categories of a topic: the newest of each item counts, and none after its end.
    flags = ("--items", f"{kafka.url}/{items}")
    prepare(tmp_path / "items", f"{kafka.url}/{unique}", flags=flags)
    table = pq.read_table(tmp_path / "items" / "events.parquet").to_pydict()
    of_item = dict(zip(table["item"], table["category"], strict=True))
    assert of_item == {each: {1: "tv.led", 2: "toys"}.get(each, "") for each in set(table["item"])}
    assert {0, 1, 2} <= set(of_item)


def test_with_a_store_no_event_is_rebuilt_from_the_feedback_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written: list[Event] = [(1, 5, "cart", 100), (1, 6, "fav", 200), (1, 7, "buy", 300)]
    url = f"sqlite:///{tmp_path / 'x.db'}"
    fill(url, written)
    log = {
        "user": [1], "time": [250], "history": [[5, 6]], "items": [[7, 8]], "policy": ["p"],
        "propensities": [[1.0, 1.0]], "rewards": [[3.0, 0.0]],
    }  # fmt: skip
    pq.write_table(pa.table(log), tmp_path / "log.parquet")
    of_store = prepare(tmp_path / "store", url, tmp_path / "log.parquet")
    assert (of_store["rebuilt"], of_store["labels"]) == (
        0,
        {"pv": 0, "cart": 1, "fav": 1, "buy": 1},
    )
    assert "rebuilt" not in capsys.readouterr().out
    of_log = prepare(tmp_path / "log", tmp_path / "log.parquet")
    assert (of_log["rebuilt"], of_log["labels"]["cart"]) == (3, 0)
    assert "rebuilt from the feedback log" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (["--input", "redis://127.0.0.1:1/0"], "keeps no events"),
        (["--input", "sqlite:////nowhere/x.db"], "there is no such file"),
        (["--input", "mysql://u:s3cret@127.0.0.1:1/db"], "cannot be read: OperationalError"),
        (["--input", "ftp://h/x"], "no store that Rivulet can write to"),
        (["--input", "sqlite:///x.db", "--schema", "tianchi"], "--schema is for files and topics"),
        (["--input", "sqlite:///x.db", "--columns", "user,item,time"], "--columns names the"),
    ],
)
def test_what_cannot_be_read_is_one_line(
    flags: list[str], problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--output", str(tmp_path / "data"), *flags])
    assert caught.value.code
    said = capsys.readouterr().err
    assert problem in said
    assert said.count("\n") == 1
    assert "s3cret" not in said


def test_the_columns_of_a_page_keep_all_64_bits(tmp_path: Path) -> None:
    user = int(np.iinfo(np.int64).min)
    url = f"sqlite:///{tmp_path / 'x.db'}"
    fill(url, [(user, -user - 1, "pv", int(time.time()))])
    prepare(tmp_path / "data", url)
    found = pq.read_table(tmp_path / "data" / "events.parquet").to_pydict()
    assert (found["user"], found["item"]) == ([user], [-user - 1])
