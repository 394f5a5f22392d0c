"""The `[rewards]` of a schema: in the job, its log, its store, a data set and what is learnt."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.recommend import JOB
from rivulet.configuration import Configuration
from sources.options import InputSettings
from tests.fakes import ranked_items
from tests.graph import run_job
from tests.oracle import rules
from tests.pipelines.streams import clicks
from training.datasets.loading import load_sequences
from training.prepare import main as prepare

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
