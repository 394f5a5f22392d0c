"""From the records of a shop whose ids are text to a model that the same shop's job uses.

A store, a training and a job, one after the other: the one test of the whole way.
"""

import json
import sqlite3
from pathlib import Path

import pytest

from pipelines.recommend import main as recommend
from sinks import open_source
from sources.files.plan import plan
from sources.files.ranges import read_range
from sources.schema.load import load_schema
from training.embed import main as embed
from training.evaluate import main as evaluate
from training.prepare import main as prepare
from training.train import main as train
from transforms.messages.events import EventBatch
from transforms.messages.id_kinds import IdKinds

SCHEMA = """
[fields]
user = "who"
item = "what"
time = "when"
[ids]
user = "text"
item = "text"
"""
START = 1_600_000_000
ITEMS = [f"shop/{number} é" for number in range(30)]


def test_a_model_of_text_ids_from_records_to_lists(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # Users walk round a circle of items: the next item is certain.
    lines = [
        {"who": f"üser {user}", "what": ITEMS[(user + at) % 30], "when": START + 10 * at + user % 7}
        for user in range(30)
        for at in range(24)
    ]
    Path("clicks.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    Path("shop.toml").write_text(SCHEMA)
    clicks = ["--input=clicks.jsonl", "--schema=shop.toml"]
    store = open_source("sqlite:///records.db").with_ids(IdKinds("text", "text")).open()
    store.prepare()
    for piece in plan("clicks.jsonl", None, schema=load_schema("shop.toml")):
        for block in read_range(piece):
            assert not store.writer(EventBatch)(block.events)
    store.close()
    assert prepare(["--input", "sqlite:///records.db", "--output", "data"]) == 0
    assert embed(["--data", "data", "--output", "start", "--dim", "8", "--epochs", "1"]) == 0
    small = ["--embeddings", "start", "--hidden", "16", "--batch_size", "64"]
    epochs = ["--pretrain_epochs", "10", "--epochs", "1", "--pretrain_rate", "0.01"]
    model = ["--algorithm", "reinforce", "--data", "data", "--output", "model"]
    assert train([*model, *small, *epochs, "--name", "papers"]) == 0
    quick = ["--baselines", "popular", "--samples", "20", "--json", "scores.json"]
    assert evaluate(["--data", "data", "--model", "model", *quick]) == 0
    policy, popular = json.loads(Path("scores.json").read_text())
    found, chance = (each["protocols"]["next/repeats"]["mrr"] for each in (policy, popular))
    assert found["value"] > 2 * chance["value"]
    stores = [f"--{name}_sink=none" for name in ("record", "popular")]
    lists = "--recommendation_sink=sqlite:///lists.db"
    flags = ["--model=model", "--min_history=5"]
    assert recommend([*clicks, *stores, lists, *flags]) == 0
    papers = json.loads(Path("model/model.json").read_text())
    with sqlite3.connect("lists.db") as db:
        shown = db.execute("SELECT user, time, items, policy FROM recommendation").fetchall()
    by_policy = [row for row in shown if row[3] == f"papers-{papers['version']}"]
    assert len(by_policy) > 50
    assert {row[0] for row in by_policy} == {f"üser {user}" for user in range(30)}
    # The model knows the shop's items: the one that comes next is among the first three.
    hits = 0
    for user, time, items, _ in by_policy:
        number = int(user.split()[1])
        following = min((time - START - number % 7 + 9) // 10, 24)
        hits += ITEMS[(number + following) % 30] in json.loads(items)[:3]
    assert hits > 0.8 * len(by_policy)
