"""The `[rewards]` of a schema: in the job, its log, its store, a data set and what is learnt."""

import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kafka import KafkaProducer

from deploy.servers.kafka import Kafka
from pipelines.recommend import JOB
from rivulet.configuration import Configuration
from sources.options import InputSettings
from tests.fakes import ranked_items
from tests.graph import run_job
from tests.oracle import rules
from tests.oracle.events import Event
from tests.pipelines.streams import clicks
from training.datasets.feedback_log import FeedbackRow, common_settings, rebuild_events
from training.datasets.loading import load_sequences
from training.datasets.raw_files import RawLogError
from training.prepare import main as prepare
from transforms.messages.value_weight import ValueWeight

SCHEMA = """
[fields]
user = "user"
item = "item"
time = "time"
behavior = "behavior"
[rewards]
pv = 0.5
fav = 7
buy = 0
"""
REWARDS = {"pv": 0.5, "cart": 2.0, "fav": 7.0, "buy": 0.0}


def send_lines(kafka: Kafka, topic: str, lines: list[str]) -> None:
    """Sends lines to a topic, keyed by user."""
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap)
    for line in lines:
        producer.send(topic, line.encode(), key=line.partition(",")[0].encode())
    producer.flush()
    producer.close()


@pytest.fixture
def schema(tmp_path: Path) -> str:
    path = tmp_path / "shop.toml"
    path.write_text(SCHEMA)
    return f"--schema={path}"


def test_what_the_lists_earn(schema: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = clicks(6)
    path = tmp_path / "clicks.csv"
    lines = [f"{e.user},{e.item},{e.time},{e.behavior}" for e in events]
    path.write_text("user,item,time,behavior\n" + "\n".join(lines) + "\n")
    tables = run_job(tmp_path, f"--input={path}", schema, f"--feedback={tmp_path}/log")

    monkeypatch.setattr(rules, "REWARD", REWARDS)
    shown = rules.recommendations(
        events, lambda user, history: ranked_items(user, history, 8), rules.popular(events)
    )
    wanted = rules.rewards(events, shown)
    log = pq.read_table(tmp_path / "log").to_pylist()
    assert {(row["user"], row["time"]): row["rewards"] for row in log} == wanted
    earned = sum(reward for _, _, reward in tables.minutes.values())
    assert earned == pytest.approx(sum(map(sum, wanted.values())))
    assert earned > 0

    data = tmp_path / "data"
    assert prepare([f"--input={tmp_path}/log", f"--output={data}"]) == 0
    assert load_sequences(data).rewards == (0.5, 2.0, 7.0, 0.0)
    meta = json.loads((data / "meta.json").read_text())
    assert meta["log"]["reward_fav"] == 7


@pytest.mark.parametrize(
    "kind", ["file", "impressions", pytest.param("topic", marks=pytest.mark.servers)]
)
def test_values_weigh_what_the_lists_earn(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng, impressions = random.Random(7), kind == "impressions"
    events = clicks(6)
    # No value, a loss, equal events with two values, one that is cut off.
    values = [rng.choice(["", "-5", "0", "0.5", "8", "12.25", "1e12"]) for _ in events]
    schema, path = tmp_path / "shop.toml", tmp_path / "clicks.csv"
    schema.write_text(SCHEMA.replace("[rewards]", 'value = "price"\n[rewards]'))
    lines = [
        f"{e.user},{e.item},{e.time},{e.behavior},{v}" for e, v in zip(events, values, strict=True)
    ]
    path.write_text("user,item,time,behavior,price\n" + "\n".join(lines) + "\n")
    source = [f"--input={path}"]
    if kind == "topic":
        names = ("user", "item", "time", "behavior", "price")
        schema.write_text(f"header = false\ncolumns = {list(names)}\n{schema.read_text()}")
        kafka, topic = request.getfixturevalue("kafka"), request.getfixturevalue("topic")
        in_order = sorted(lines, key=lambda line: int(line.split(",")[2]))
        send_lines(kafka, topic, in_order)
        source = [f"--input={kafka.url}/{topic}", "--kafka_stop_at=latest"]
    largest: dict[Event, float] = {}
    for event, value in zip(events, values, strict=True):
        largest[event] = max(largest.get(event, 0.0), float(value or 0))
    monkeypatch.setattr(rules, "REWARD", REWARDS)
    shown = rules.recommendations(
        events, lambda user, history: ranked_items(user, history, 8), rules.popular(events)
    )
    seen = [(user, at, at + rng.randrange(40)) for user, at in shown] if impressions else None
    (tmp_path / "seen.csv").write_text(
        "user,T,time\n" + "".join(f"{u},{at},{time}\n" for u, at, time in seen or ())
    )
    tables = run_job(
        tmp_path, *source, f"--schema={schema}", f"--feedback={tmp_path}/log",
        "--reward_value=0.25", "--reward_value_most=4",
        *([f"--impressions={tmp_path}/seen.csv"] if impressions else []),
    )  # fmt: skip

    def gain(event: Event) -> float:
        return REWARDS[event.behavior] * min(1 + 0.25 * largest[event], 4)

    wanted = rules.rewards(events, shown, impressions=seen, gain=gain)
    log = pq.read_table(tmp_path / "log")
    found = {(row["user"], row["time"]): row["rewards"] for row in log.to_pylist()}
    assert found == wanted
    earned = sum(reward for _, _, reward in tables.minutes.values())
    assert earned == pytest.approx(sum(map(sum, wanted.values())))
    assert {r for row in wanted.values() for r in row} > {0.0, 7.0, 7 * 1.125, 28.0}
    if impressions:
        return
    # The log says how they were weighed, and what the behaviors earned.
    settings = common_settings(list((tmp_path / "log").rglob("*.parquet")), None)
    assert (settings["reward_value"], settings["reward_value_most"]) == (0.25, 4)
    assert prepare([f"--input={tmp_path}/log", f"--output={tmp_path}/data"]) == 0
    meta = json.loads((tmp_path / "data" / "meta.json").read_text())
    assert meta["log"]["reward_value"] == 0.25
    rows = [
        FeedbackRow(r["user"], r["time"], r["history"], r["items"], r["plain_rewards"])
        for r in sorted(log.to_pylist(), key=lambda r: (r["user"], r["time"]))
    ]
    rebuilt = {
        (e[0], e[1], e[3]): e[2] for e in rebuild_events(iter(rows), 600, tuple(REWARDS.values()))
    }
    data = pq.read_table(tmp_path / "data" / "events.parquet").to_pylist()
    assert {(r["user"], r["item"], r["time"]): r["label"] for r in data} == rebuilt


def test_values_must_be_there_to_weigh(
    schema: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for flags, said in (
        (["--reward_value=1"], "needs events with values: give --schema"),
        ([f"--input={tmp_path}/clicks.csv", schema, "--reward_value=1"], "fields.value"),
        (["--reward_value_most=2"], "has no effect without --reward_value"),
        (["--reward_value_most=10"], "has no effect without --reward_value"),
        (["--reward_value=0"], "is not a number above 0"),
    ):
        with pytest.raises(SystemExit):
            JOB.options(flags)
        assert said in capsys.readouterr().err


def test_logs_that_are_weighed_in_other_ways_are_prepared_apart(tmp_path: Path) -> None:
    row = {"user": 1, "time": 6, "history": [2], "items": [3], "rewards": [1.0]}
    for name, settings in (("a", {}), ("b", {"reward_value": 0.5, "reward_value_most": 10.0})):
        table = pa.Table.from_pylist([row]).replace_schema_metadata(
            {"rivulet": json.dumps({"reward_window": 600} | settings)}
        )
        pq.write_table(table, tmp_path / f"{name}.parquet")
    paths = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    with pytest.raises(RawLogError, match="in different ways"):
        common_settings(paths, None)
    assert common_settings(paths[1:], None)["reward_value"] == 0.5
    with pytest.raises(ValueError, match="reward_value is 1000"):
        ValueWeight.of({"reward_value": 10**400})


def test_a_data_set_has_them_and_a_log_must_agree(
    schema: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events, data = tmp_path / "clicks.csv", tmp_path / "data"
    events.write_text("user,item,time,behavior\n1,2,3,fav\n1,3,4,pv\n1,4,5,buy\n")
    assert prepare([f"--input={events}", schema, f"--output={data}"]) == 0
    sequences = load_sequences(data)
    assert sequences.rewards == (0.5, 2.0, 7.0, 0.0)
    log = tmp_path / "log.parquet"
    row = {"user": 1, "time": 6, "history": [2], "items": [3], "rewards": [1.0]}
    pq.write_table(pa.Table.from_pylist([row | {"propensities": [1.0]}]), log)
    with pytest.raises(SystemExit):
        prepare([f"--input={events}", f"--input={log}", schema, f"--output={data}"])
    assert "give the schema the same [rewards]" in capsys.readouterr().err


def test_the_usual_ones_without_a_schema() -> None:
    assert InputSettings("clicks.csv").rewards() == (1.0, 2.0, 2.0, 3.0)
    settings: Configuration = JOB.options([]).settings
    assert settings[InputSettings].rewards() == (1.0, 2.0, 2.0, 3.0)
