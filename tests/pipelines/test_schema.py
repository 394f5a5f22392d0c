"""`--schema` in the commands: counts of a whole run, and what is refused."""

import json
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from pipelines import record, replay
from sources.errors import SourceError
from sources.files.plan import plan
from training.datasets.raw_files import RawLogError, find_files
from training.prepare import main as prepare

SHOPS = Path(__file__).parents[3] / "shared/data/shops"
INTEGERS = {
    "retailrocket": "retailrocket.csv",
    "ecommerce-2019": "ecommerce-2019.csv",
    "diginetica": "diginetica-views.csv",
    "movielens": "movielens-ratings.csv",
}


def shop(name: str) -> tuple[Path, dict]:
    path = SHOPS / INTEGERS[name]
    if not path.exists():
        pytest.skip(f"{path} is not on this machine")
    return path, json.loads(Path(f"{path}.truth.json").read_text())


@pytest.mark.parametrize("name", ["ecommerce-2019", "movielens"])
def test_record_gives_the_counts_of_the_truth(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, truth = shop(name)
    monkeypatch.chdir(tmp_path)
    store = tmp_path / "shop.db"
    assert (
        record.main(["--input", str(path), "--schema", name, "--record_sink", f"sqlite:///{store}"])
        == 0
    )
    rows = (
        sqlite3.connect(store).execute("SELECT user, item, behavior, time FROM record").fetchall()
    )
    assert len(rows) == truth["recorded"]
    assert Counter(row[2] for row in rows) == truth["behaviors"]
    assert len({row[0] for row in rows}) == truth["users"]
    assert len({row[1] for row in rows}) == truth["items"]
    assert min(row[3] for row in rows) == truth["first_time"]
    assert max(row[3] for row in rows) == truth["last_time"]
    printed = capsys.readouterr().out
    assert ("ignored" in printed) == bool(truth["ignored"])


@pytest.mark.parametrize("name", INTEGERS)
def test_prepare_gives_the_counts_of_the_truth(name: str, tmp_path: Path) -> None:
    path, truth = shop(name)
    assert prepare(["--input", str(path), "--schema", name, "--output", str(tmp_path)]) == 0
    meta = json.loads((tmp_path / "meta.json").read_text())
    assert meta["events"] == truth["recorded"]
    assert {name: n for name, n in meta["labels"].items() if n} == truth["behaviors"]
    for count in ("users", "items", "malformed", "ignored"):
        assert meta[count] == truth[count]
    assert meta["duplicates"] == 0


def test_prepare_says_what_is_malformed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "r.csv"
    path.write_text("userId,movieId,rating,timestamp\na,1,5,7\nb,1,5,7\n")
    with pytest.raises(SystemExit):
        prepare(["--input", str(path), "--schema", "movielens", "--output", str(tmp_path / "d")])
    assert "not a number, for example user (userId) is 'a'" in capsys.readouterr().err


@pytest.mark.parametrize("column", ["event", "Event_Type", "action", "event_name"])
def test_a_header_with_an_unsaid_behavior_is_refused(column: str, tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_text(f"user_id,item_id,{column},timestamp\n1,2,purchase,3\n")
    with pytest.raises(SourceError, match="looks like a behavior") as error:
        plan(str(path), None)
    for said in (f'behavior = "{column}"', 'user = "user_id"', "--schema shop.toml"):
        assert said in str(error.value)
    with pytest.raises(RawLogError, match="looks like a behavior"):
        find_files([str(path)])


def test_a_behavior_beside_another_column_is_read(tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_text("user,item,behavior,time,event\n1,2,buy,3,x\n")
    (piece,) = plan(str(path), None)
    assert piece.layout is not None
    assert piece.layout.behavior == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--schema", "movielens"], "--schema needs --input"),
        (["--input", "x", "--schema", "movielenz"], "did you mean 'movielens'"),
        (["--input", "x", "--schema", "tianchi", "--columns", "user,item,time"], "no effect"),
        (["--input", "kafka://h:1/t", "--schema", "movielens"], "have no header"),
    ],
)
def test_bad_options(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        record.main(arguments)
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_replay_takes_a_schema(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        replay.main(["--input", "x", "--output", "kafka://h:1/t", "--schema", "nothing"])
    assert "no such preset" in capsys.readouterr().err
