"""A user before and after being forgotten, beside all other users."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import redis
from pymongo import MongoClient

from deploy.servers.mongo import Mongo
from pipelines import forget
from sinks import open_source
from sinks.forget import forget_in_log, user_ids
from tests.sinks.databases import make_database
from tests.sinks.frames import Event, events, ranking, recommendations
from tests.sinks.test_repair import sql_rows
from transforms.messages.events import EventBatch
from transforms.messages.popular import PopularRows
from transforms.messages.recommendations import Recommendations

T = 1_500_000_000
OTHERS: list[Event] = [(2, 5, "pv", T), (-42, 6, "buy", T + 1), (421, 7, "pv", T)]
OWN: list[Event] = [(42, 5, "pv", T), (42, 6, "buy", T + 2), (42, 6, "buy", T + 3)]
SERVERS = [pytest.param(name, marks=pytest.mark.servers) for name in ("mysql", "postgres")]


def write(url: str, rows: list[Event]) -> None:
    store = open_source(url).open()
    store.prepare()
    store.writer(EventBatch)(events(*rows))
    store.writer(PopularRows)(ranking(T, (5, 3)))
    users = sorted({row[0] for row in rows})
    lists = [(user, at, [3, user]) for user in users for at in (T, T + 20)]
    store.writer(Recommendations)(recommendations(*lists))
    store.close()


def check(url: str, found: Callable[[], Any], counts: dict[str, int], capsys: Any) -> None:
    """The user goes, the others stay; a second time there is nothing."""
    write(url, OTHERS)
    before = copy.deepcopy(found())
    write(url, OWN)
    filled = copy.deepcopy(found())
    flags = ["--user=42", f"--store={url}"]
    capsys.readouterr()
    for dry in (True, False):
        assert forget.main([*flags, *(["--dry_run"] if dry else [])]) == 0
        words = capsys.readouterr().out.split()
        assert {name: words[words.index(name) + 2] for name in counts} == {
            name: str(count) for name, count in counts.items()
        }
        assert ("would" in words) == dry
        assert {"--history_ttl", "--exclude_bought", "--reward_window"} <= set(words)
        assert found() == (filled if dry else before)
    assert forget.main(flags) == 0
    assert "nothing" in capsys.readouterr().out
    assert found() == before


@pytest.mark.parametrize("kind", ["sqlite", *SERVERS])
def test_a_sql_store_forgets(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, unique: str, capsys: Any
) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    if kind != "sqlite":
        url = make_database(request.getfixturevalue(kind), unique)
    check(url, lambda: sql_rows(url), {"record": 3, "recommendation": 2}, capsys)


@pytest.mark.servers
def test_mongodb_forgets(mongo: Mongo, unique: str, capsys: Any) -> None:
    url = mongo.url.replace("/rivulet", f"/{unique}")

    def documents() -> dict[str, list[str]]:
        with MongoClient(url) as client:
            database = client.get_default_database()
            names = ("records", "userConsumed", "popular", "recommendResults")
            return {
                name: sorted(str({**d, "_id": str(d["_id"])}) for d in database[name].find())
                for name in names
            }

    check(url, documents, {"records": 3, "userConsumed": 1, "recommendResults": 2}, capsys)
    with MongoClient(url) as client:
        client.drop_database(unique)


@pytest.mark.servers
def test_redis_forgets(redis_url: str, capsys: Any) -> None:
    client = redis.Redis.from_url(redis_url)

    def keys() -> dict[bytes, bytes]:
        return {key: client.dump(key) for key in client.scan_iter()}

    check(redis_url, keys, {"history": 2, "recommendations": 2}, capsys)
    client.close()


def test_the_feedback_log_forgets(tmp_path: Path, capsys: Any) -> None:
    def write_log(name: str, *users: int | str) -> Path:
        path = tmp_path / "log" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        table = pa.table(
            {"user": list(users), "time": np.arange(len(users)), "rewards": [[1.0]] * len(users)}
        )
        pq.write_table(table.replace_schema_metadata({b"rivulet": b'{"reward_window": 60}'}), path)
        return path

    mixed = write_log("run-1/feedback-a.parquet", 2, 42, 3, 42)
    alone = write_log("run-1/feedback-b.parquet", 42)
    others = write_log("run-2/feedback-c.parquet", 2, 421)
    hidden = write_log("run-2/.feedback-d.parquet.part.parquet", 42)
    before = {path: path.read_bytes() for path in (mixed, alone, others, hidden)}
    flags = ["--user=42", f"--feedback={tmp_path / 'log'}"]
    assert forget.main([*flags, "--dry_run"]) == 0
    assert {path: path.read_bytes() for path in before} == before
    assert forget.main(flags) == 0
    assert capsys.readouterr().out.count("feedback") >= 2
    found = pq.read_table(mixed)
    assert found.column_names == ["user", "time", "rewards"]
    assert found.to_pylist() == [
        {"user": 2, "time": 0, "rewards": [1.0]}, {"user": 3, "time": 2, "rewards": [1.0]}
    ]  # fmt: skip
    assert found.schema.metadata[b"rivulet"] == b'{"reward_window": 60}'
    assert not alone.exists()
    assert (others.read_bytes(), hidden.read_bytes()) == (before[others], before[hidden])
    assert sorted(path.name for path in (tmp_path / "log" / "run-1").iterdir()) == [mixed.name]
    assert forget_in_log(tmp_path / "log", "42", dry_run=False) == 0
    # Users that are text.
    texts = write_log("run-3/feedback-e.parquet", "42", "ann")
    assert forget_in_log(tmp_path / "log", "42", dry_run=False) == 1
    assert pq.read_table(texts)["user"].to_pylist() == ["ann"]


@pytest.mark.parametrize("encode", [False, True])
@pytest.mark.parametrize(
    ("kind", "user", "others"),
    [
        (pa.uint64(), 42, [2, 2**64 - 1]),
        (pa.uint64(), 2**64 - 1, [2, 42]),
        (pa.int16(), -42, [2, 421]),
        (pa.large_string(), "42", ["ann", "4"]),
        (pa.string(), "ann", ["2", "an"]),
    ],
)
def test_a_log_of_another_tool_forgets(
    kind: pa.DataType, user: int | str, others: list[Any], encode: bool, tmp_path: Path
) -> None:
    users = pa.array([*others, user, None, user], kind)
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"user": users.dictionary_encode() if encode else users}), path)
    assert forget_in_log(tmp_path, "7000000", dry_run=False) == 0
    assert forget_in_log(tmp_path, "-7", dry_run=False) == 0
    assert forget_in_log(tmp_path, str(user), dry_run=True) == 2
    assert forget_in_log(tmp_path, str(user), dry_run=False) == 2
    assert pq.read_table(path)["user"].to_pylist() == [*others, None]


def test_a_log_whose_users_are_no_ids_is_refused(tmp_path: Path, capsys: Any) -> None:
    pq.write_table(pa.table({"user": [42.0]}), tmp_path / "a.parquet")
    assert forget.main(["--user=42", f"--feedback={tmp_path}"]) == 1
    assert (
        "the users have the type double: they must be integers or texts" in capsys.readouterr().err
    )


def test_a_text_stands_for_the_integer_that_it_writes() -> None:
    assert user_ids("42") == [42, "42"]
    assert user_ids("-7") == [-7, "-7"]
    for text in ("042", "+1", "ann", "-", "1.0", "", "٣", str(2**63), "9" * 5_000):
        assert user_ids(text) == [text]


def test_a_store_that_fails_does_not_stop_the_others(tmp_path: Path, capsys: Any) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    write(url, OWN)
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "x.parquet").write_text("no Parquet")
    bad = "--store=mysql+pymysql://u:s3cret@127.0.0.1:1/db"
    log = f"--feedback={tmp_path / 'log'}"
    assert forget.main(["--user=42", bad, f"--store={url}", log]) == 1
    said = capsys.readouterr()
    assert "mysql+pymysql://u:***@127.0.0.1:1/db: OperationalError" in said.err
    assert said.err.count("\n") == 2
    assert "s3cret" not in said.err + said.out
    assert sql_rows(url)["record"] == []


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (["--store=sqlite:///x.db"], "--user"),
        (["--user=1"], "--store, --feedback or --forget names"),
        (["--user=1", "--store=ftp://h"], "no store that Rivulet can write to"),
        (["--user=1", "--feedback=/nowhere/log"], "there is no such folder"),
    ],
)
def test_a_bad_option_is_one_line_and_status_2(flags: list[str], problem: str, capsys: Any) -> None:
    with pytest.raises(SystemExit) as caught:
        forget.main(flags)
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert problem in said
    assert said.count("\n") == 1
