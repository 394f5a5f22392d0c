"""`fields.event_id` and `fields.value`: two purchases in one second are two, in all results."""

import json
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from pymongo import MongoClient

from deploy.servers.mongo import Mongo
from deploy.servers.mysql import MySQL
from pipelines import record
from tests.graph import run_job
from tests.pipelines.streams import START
from training.datasets.loading import load_sequences
from training.prepare import main as prepare

SCHEMA = """
[fields]
user = "user"
item = "item"
time = "time"
behavior = "behavior"
event_id = "order"
value = "price"
"""
LINES = (
    f"1,7,{START},buy,a,2.5",
    f"1,7,{START},buy,b,",
    f"1,7,{START},buy,a,3",
    f"1,7,{START},buy,,4",
    f"2,8,{START + 1},pv,17,1e3",
    f"2,8,{START + 1},pv,a,cheap",
)


@pytest.fixture
def flags(tmp_path: Path) -> list[str]:
    (tmp_path / "shop.toml").write_text(SCHEMA)
    (tmp_path / "f.csv").write_text("user,item,time,behavior,order,price\n" + "\n".join(LINES))
    return [f"--input={tmp_path}/f.csv", f"--schema={tmp_path}/shop.toml"]


def values(rows: list[tuple]) -> list[tuple]:
    """Without the hashes of texts, which tell rows apart."""
    assert len({row[:5] for row in rows}) == len(rows)
    known = [(*row[:4], row[4] if row[4] in (0, 17) else "text", row[5]) for row in rows]
    return sorted(known, key=str)


WANTED = [
    (1, 7, "buy", START, 0, 4.0),
    (1, 7, "buy", START, "text", 3.0),
    (1, 7, "buy", START, "text", None),
    (2, 8, "pv", START + 1, 17, 1000.0),
]


def test_records_and_counts(flags: list[str], tmp_path: Path) -> None:
    tables = run_job(tmp_path, *flags)
    count = tables.summary.get
    assert (count("closed"), count("duplicates"), count("malformed")) == (4, 1, 1)
    assert tables.popular == {end: [(7, 3), (8, 1)] for end in tables.popular}
    query = "SELECT user, item, behavior, time, event_id, value FROM record"
    with sqlite3.connect(tmp_path / "store.db") as db:
        assert values(db.execute(query).fetchall()) == sorted(WANTED, key=str)
    letters = (tmp_path / "dead.jsonl").read_text()
    assert "value (price) is 'cheap', no number" in letters
    # Again, into the same tables.
    again = [*flags, f"--record_sink=sqlite:///{tmp_path}/store.db"]
    assert record.main([*again, f"--dead_letters={tmp_path}/again.jsonl"]) == 0
    with sqlite3.connect(tmp_path / "store.db") as db:
        assert values(db.execute(query).fetchall()) == sorted(WANTED, key=str)


def test_a_table_without_the_column_is_refused(
    flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = f"--record_sink=sqlite:///{tmp_path}/old.db"
    letters = f"--dead_letters={tmp_path}/dead.jsonl"
    (tmp_path / "plain.toml").write_text(SCHEMA.split("event_id")[0])
    plain = [flags[0], f"--schema={tmp_path}/plain.toml"]
    assert record.main([*plain, store, letters]) == 0
    with pytest.raises(SystemExit):
        record.main([*flags, store, letters])
    assert "column event_id of table record is missing" in capsys.readouterr().err


def test_a_data_set_has_them_all(flags: list[str], tmp_path: Path) -> None:
    assert prepare([*flags, f"--output={tmp_path}/data"]) == 0
    meta = json.loads((tmp_path / "data/meta.json").read_text())
    assert (meta["events"], meta["duplicates"], meta["malformed"]) == (4, 1, 1)
    assert load_sequences(tmp_path / "data").label.tolist() == [3, 3, 3, 0]


@pytest.mark.servers
def test_mongodb(flags: list[str], tmp_path: Path, mongo: Mongo, unique: str) -> None:
    store = "--record_sink=" + mongo.url.replace("/rivulet", f"/{unique}")
    for _ in range(2):
        assert record.main([*flags, store, f"--dead_letters={tmp_path}/dead.jsonl"]) == 0
    names = ("user", "item", "behavior", "time", "event_id", "value")
    found = MongoClient(mongo.url)[unique]["records"].find()
    assert values([tuple(row[name] for name in names) for row in found]) == sorted(WANTED, key=str)


@pytest.mark.servers
def test_mariadb(flags: list[str], tmp_path: Path, mysql: MySQL) -> None:
    engine = sa.create_engine(mysql.url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP DATABASE IF EXISTS event_ids")
        connection.exec_driver_sql("CREATE DATABASE event_ids")
    store = mysql.url.replace("/rivulet", "/event_ids")
    for _ in range(2):
        letters = f"--dead_letters={tmp_path}/dead.jsonl"
        assert record.main([*flags, f"--record_sink={store}", letters]) == 0
    query = "SELECT user, item, behavior, time, event_id, value FROM event_ids.record"
    with engine.connect() as connection:
        rows = [tuple(row) for row in connection.exec_driver_sql(query)]
    assert values(rows) == sorted(WANTED, key=str)
    engine.dispose()
