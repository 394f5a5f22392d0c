"""Shops whose ids are text, from their files to the stores and data sets, beside the oracle."""

import io
import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import apache_beam as beam
import fastavro
import pyarrow.parquet as pq
import pytest
from kafka import KafkaProducer

from deploy.servers.kafka import Kafka
from pipelines import inspect
from pipelines.graph.graph import read, recommend_graph
from pipelines.graph.job_graph import new_progress
from pipelines.recommend import JOB
from pipelines.running.runners import make_runner
from pipelines.running.summary import Summary
from sources.files.plan import plan
from sources.files.ranges import read_range
from sources.schema.load import load_schema
from tests.oracle import rules
from tests.oracle.events import Event
from tests.pipelines.stores import Stores, check
from tests.pipelines.streams import clicks
from training import prepare
from transforms.columns.names import ids_of
from transforms.messages.events import BEHAVIORS

SHOPS = Path(__file__).parents[3] / "shared/data/shops"
FILES = {"online-retail": "online-retail.csv", "segment": "tracker.jsonl"}
T = 1_600_000_000
SCHEMA = """
[fields]
user = "who"
item = "what"
time = "when"
behavior = "how"
[ids]
user = "text"
item = "text"
"""


def run_job(
    folder: Path, path: Path, schema: str, *flags: str
) -> tuple[sqlite3.Connection, Summary]:
    """The main job without a model into SQLite."""
    store = folder / "store.db"
    outputs = [
        f"--{name}_sink=sqlite:///{store}" for name in ("record", "popular", "recommendation")
    ]
    options = JOB.options(
        [*outputs, f"--input={path}", f"--schema={schema}", f"--dead_letters={folder}/dead.jsonl",
         f"--feedback={folder}/feedback", *flags]
    )  # fmt: skip
    pipeline = beam.Pipeline(runner=make_runner(options, bounded=True), options=options.beam)
    recommend_graph(read(pipeline, options.settings, new_progress("test")))
    result = pipeline.run()
    result.wait_until_finish()
    return sqlite3.connect(store), Summary.of(result, 1.0)


def events_of(path: Path, schema: str) -> list[Event]:
    found = []
    for piece in plan(str(path), None, schema=load_schema(schema)):
        for block in read_range(piece):
            batch, names = block.events, block.events.names
            assert names is not None
            rows = zip(
                batch.time.tolist(), ids_of(names.item, batch.item),
                ids_of(names.user, batch.user), batch.behavior.tolist(), strict=True,
            )  # fmt: skip
            found += [Event(time, item, user, BEHAVIORS[code]) for time, item, user, code in rows]
    return found


def check_tables(store: sqlite3.Connection, events: list[Event]) -> None:
    """The tables are the oracle's, which compares ids as Python compares texts."""
    rankings = rules.popular(events)
    shown = rules.recommendations(events, lambda user, history: [], rankings)
    assert sorted(store.execute("SELECT user, item, behavior, time FROM record")) == sorted(
        {(e.user, e.item, e.behavior, e.time) for e in events}
    )
    top: dict[int, list[Any]] = {}
    for end, item, count in store.execute(
        "SELECT window_end, item, count FROM top ORDER BY window_end, rank"
    ):
        top.setdefault(end, []).append((item, count))
    assert top == rankings
    found = store.execute("SELECT user, time, items, policy, last_reward FROM recommendation")
    assert {
        (user, at): (json.loads(items), policy, last) for user, at, items, policy, last in found
    } == {key: (one.items, "popular", one.last_reward) for key, one in shown.items()}


@pytest.fixture
def registry() -> Iterator[dict[str, Any]]:
    """A schema registry on HTTP: what it answers by path, and its `url`."""
    answers: dict[str, Any] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path in answers else 404)
            self.end_headers()
            self.wfile.write(answers.get(self.path, "{}").encode())

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        answers["url"] = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield answers
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("name", FILES)
def test_a_shops_file_gives_its_truth(name: str, tmp_path: Path) -> None:
    path = SHOPS / FILES[name]
    if not path.exists():
        pytest.skip(f"{path} is not on this machine")
    truth = json.loads(Path(f"{path}.truth.json").read_text())
    store, summary = run_job(tmp_path, path, name)
    rows = list(store.execute("SELECT user, item, behavior, time FROM record"))
    assert len(rows) == truth["recorded"]
    assert Counter(row[2] for row in rows) == truth["behaviors"]
    assert len({row[0] for row in rows}) == truth["users"]
    assert len({row[1] for row in rows}) == truth["items"]
    assert (min(row[3] for row in rows), max(row[3] for row in rows)) == (
        truth["first_time"], truth["last_time"],
    )  # fmt: skip
    assert summary.get("malformed") == truth["malformed"]
    assert summary.get("ignored") == truth["ignored"]
    check_tables(store, events_of(path, name))
    assert (
        prepare.main([f"--input={path}", f"--schema={name}", f"--output={tmp_path / 'data'}"]) == 0
    )
    meta = json.loads((tmp_path / "data/meta.json").read_text())
    counts = ("malformed", "ignored", "users", "items")
    assert {key: meta[key] for key in counts} == {key: truth[key] for key in counts}
    assert meta["events"] == truth["recorded"]
    table = pq.read_table(tmp_path / "data/events.parquet")
    assert set(table["item"].to_pylist()) == {row[1] for row in rows}


def test_odd_ids_come_back_as_they_went_in(tmp_path: Path) -> None:
    ids = [
        "a",
        "A",
        "a ",
        " a",
        "a/b",
        "1",
        "01",
        "é",
        "e\u0301",
        "😀",
        "'",
        "\\",
        "x" * 256,
        "null",
    ]
    lines = [
        {"who": ids[step % 14], "what": ids[(step * 5 + step // 14) % 14], "when": T + step % 97,
         "how": BEHAVIORS[step % 4]}
        for step in range(700)
    ]  # fmt: skip
    bad = [{"who": "x" * 257, "what": "i"}, {"who": "a\tb", "what": "i"}, {"who": "", "what": "i"}]
    lines += [{**each, "when": T, "how": "pv"} for each in bad]
    path, schema = tmp_path / "events.jsonl", tmp_path / "shop.toml"
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    schema.write_text(SCHEMA)
    store, summary = run_job(tmp_path, path, str(schema), "--max_malformed=1")
    events = events_of(path, str(schema))
    assert len(events) == 700
    check_tables(store, events)
    letters = [json.loads(line) for line in (tmp_path / "dead.jsonl").read_text().splitlines()]
    assert {letter["reason"] for letter in letters} == {"not an id"}
    assert all("user (who) is" in letter["detail"] for letter in letters)
    assert summary.get("malformed") == len(bad)
    (settings,) = next(store.execute("SELECT settings FROM job"))
    assert json.loads(settings)["user_ids"] == "text"
    logs = [pq.read_table(each) for each in (tmp_path / "feedback").rglob("*.parquet")]
    assert {user for log in logs for user in log["user"].to_pylist()} == set(ids)
    assert {item for log in logs for row in log["items"].to_pylist() for item in row} <= set(ids)
    # What the job recorded makes a data set, too.
    output = tmp_path / "data"
    inputs = [str(each) for each in (tmp_path / "feedback").rglob("*.parquet")]
    assert prepare.main(["--input", *inputs, f"--output={output}"]) == 0
    assert set(pq.read_table(output / "events.parquet")["user"].to_pylist()) <= set(ids)


@pytest.mark.servers
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_kafka_to_every_store_twice(
    kafka: Kafka, topic: str, stores: Stores, registry: dict[str, Any], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """JSON first, then the same events as Avro by a schema registry."""
    events = [
        Event(e.time, f"item/{e.item} é", f"{e.user}: üser ", e.behavior) for e in clicks(3, 600)
    ]
    kinds = {"who": "string", "what": "string", "when": "long", "how": "string"}
    avro = {"type": "record", "name": "Click", "fields": [
        {"name": name, "type": kind} for name, kind in kinds.items()
    ]}  # fmt: skip
    registry["/schemas/ids/3"] = json.dumps({"schema": json.dumps(avro)})
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap)
    for place, event in enumerate(events):
        value = {"who": event.user, "what": event.item, "when": event.time, "how": event.behavior}
        producer.send(topic, json.dumps(value).encode(), partition=place % 3)
        body = io.BytesIO(b"\x00\x00\x00\x00\x03")
        body.seek(5)
        fastavro.schemaless_writer(body, avro, value)
        producer.send(f"{topic}-avro", body.getvalue(), partition=0)
    producer.flush()
    producer.close()
    schema = tmp_path / "shop.toml"
    schema.write_text(SCHEMA)
    url = f"{kafka.url}/{topic}"
    assert inspect.main([url, "--schema", str(schema)]) == 0
    assert f"{len(events)} are events, 0 malformed and 0 ignored" in capsys.readouterr().out
    flags = ("--kafka_stop_at=latest", *stores.flags)
    store, _ = run_job(tmp_path, url, str(schema), *flags)
    check_tables(store, events)
    found = check(stores, events, policy=False)
    flags = (*flags, f"--schema_registry={registry['url']}")
    _, summary = run_job(tmp_path, f"{url}-avro", str(schema), *flags)
    assert summary.get("events") == len(events)
    assert stores.everything() == found
