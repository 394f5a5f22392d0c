"""What stores keep of rows of several days, beside what is younger than the retention."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import redis
import sqlalchemy as sa
from pymongo import MongoClient

from deploy.servers.mongo import Mongo
from pipelines import record
from sinks import open_source
from sinks.base import Store, StoreLimits, StoreSource
from sinks.options import RecordSinkSettings, RetentionSettings
from sinks.retention import PERIOD
from tests.sinks import oracles
from tests.sinks.databases import make_database
from tests.sinks.frames import Event, events, ranking, recommendations, related
from transforms.messages.behaviors import BEHAVIORS
from transforms.messages.events import EventBatch
from transforms.messages.minutes import EventMinutes, PolicyMinutes
from transforms.messages.popular import PopularRows
from transforms.messages.recommendations import Recommendations
from transforms.messages.related import RelatedItems

DAY = 86_400
T = 1_500_000_000 // DAY * DAY
SERVERS = [pytest.param(name, marks=pytest.mark.servers) for name in ("mysql", "postgres")]


def some_events(count: int = 80) -> list[Event]:
    rng = random.Random(5)
    return [
        (rng.randrange(5), rng.randrange(9), rng.choice(BEHAVIORS), T + rng.randrange(3 * DAY))
        for _ in range(count)
    ]


def opened(url: str) -> Store:
    source: StoreSource = open_source(url).limited(StoreLimits(retention=DAY))
    assert source.retention == DAY
    store = source.open()
    for _ in range(2):
        store.prepare()
    return store


def fill(store: Store, rows: list[Event]) -> None:
    store.writer(EventBatch)(events(*rows))
    for at in (T, T + DAY, T + 2 * DAY):
        store.writer(PopularRows)(ranking(at, (5, 3), (6, 2)))
        store.writer(RelatedItems)(related(at, (at, [(6, 2)])))
        store.writer(Recommendations)(recommendations((1, at, [3]), (2, at + 20, [4])))


def younger(rows: list[Event], time: int) -> list[Event]:
    return sorted({row for row in rows if row[3] >= time})


@pytest.mark.parametrize("kind", ["sqlite", *SERVERS])
def test_a_sql_store_removes_what_is_before_a_time(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, unique: str
) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    if kind != "sqlite":
        url = make_database(request.getfixturevalue(kind), unique)
    store = opened(url)
    rows = some_events()
    fill(store, rows)
    one = np.ones(1, np.int64)
    for at in (T, T + 2 * DAY):
        minutes = PolicyMinutes(np.array([b"a"]), one * at, one, one, one.astype(float))
        store.writer(PolicyMinutes)(minutes)
        store.writer(EventMinutes)(EventMinutes(one * at, np.ones((1, 4), np.int64)))
    cut = T + DAY + 20
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    indexes = sa.inspect(engine).get_indexes("record")
    assert [index["name"] for index in indexes] == ["record_by_time"]
    old = len(set(rows)) - len(younger(rows, cut))
    assert old > 10
    assert store.remove_before(cut) == old + 4 + 2 + 3 + 2
    found: dict[str, list[Any]] = {}
    with engine.connect() as connection:
        for name in ("record", "top", "recommendation", "policy_minute", "event_minute"):
            table = sa.Table(name, sa.MetaData(), autoload_with=connection)
            found[name] = sorted(map(tuple, connection.execute(sa.select(table))))
    assert found["record"] == younger(rows, cut)
    assert {row[0] for row in found["top"]} == {T + 2 * DAY}
    assert sorted(row[:2] for row in found["recommendation"]) == [
        (1, T + 2 * DAY), (2, T + DAY + 20), (2, T + 2 * DAY + 20),
    ]  # fmt: skip
    assert len(found["policy_minute"]) == len(found["event_minute"]) == 1
    assert store.remove_before(cut) == 0
    store.close()


@pytest.mark.servers
def test_mongodb_removes_what_is_before_a_time(mongo: Mongo, unique: str) -> None:
    url = mongo.url.replace("/rivulet", f"/{unique}")
    store = opened(url)
    rows = some_events()
    fill(store, rows)
    cut = T + DAY + 20
    with MongoClient(url) as client:
        database = client.get_default_database()
        assert "time_1" in database["records"].index_information()
        assert store.remove_before(cut) > 0
        fields = ("user", "item", "behavior", "time")
        kept = sorted(tuple(d[f] for f in fields) for d in database["records"].find())
        assert kept == younger(rows, cut)
        assert [d["_id"] for d in database["popular"].find()] == [T + 2 * DAY]
        times = sorted(d["time"] for d in database["recommendResults"].find())
        assert times == [T + DAY + 20, T + 2 * DAY, T + 2 * DAY + 20]
        # Of the items of a user, those whose first consumption is younger.
        wanted: dict[int, tuple[list[int], list[int]]] = {}
        for user, (items, first) in oracles.consumed(sorted(set(rows))).items():
            pairs = [(item, at) for item, at in zip(items, first, strict=True) if at >= cut]
            if pairs:
                wanted[user] = ([item for item, _ in pairs], [at for _, at in pairs])
        consumed = {d["_id"]: (d["consumed"], d["time"]) for d in database["userConsumed"].find()}
        assert consumed == wanted
        assert store.remove_before(cut) == 0
        client.drop_database(unique)
    store.close()


@pytest.mark.servers
@pytest.mark.parametrize("retention", [0, DAY])
def test_keys_of_redis_expire_after_their_last_write(redis_url: str, retention: int) -> None:
    with redis.Redis.from_url(redis_url) as client:
        store = open_source(redis_url).limited(StoreLimits(retention=retention)).open()
        rows = some_events()
        for _ in range(2):
            fill(store, rows)
        keys = list(client.scan_iter())
        assert len(keys) == 3 + 3 + 2 * 5 + 2 * 2
        left = [client.ttl(key) for key in keys]
        assert (
            all(DAY - 600 < seconds <= DAY for seconds in left) if retention else set(left) == {-1}
        )
        # Another write starts the time anew, also where a list stays the same.
        for key in keys:
            client.expire(key, 5 if retention else 10**6)
        client.persist("popular:items")
        store.writer(Recommendations)(recommendations((1, T + 3 * DAY, [3])))
        seconds = client.ttl("recommendations:1")
        assert (seconds > 5) if retention else (seconds > 0)
        assert store.remove_before(T + DAY) == 0
        store.close()
        client.flushdb()


def job(folder: Path, *flags: str) -> list[Event]:
    """The records of a job over three days of events, out of order."""
    rows = some_events(400)
    path = folder / "clicks.csv"
    lines = "".join(f"{u},{i},{b},{t}\n" for u, i, b, t in rows)
    path.write_text(f"user,item,behavior,time\n{lines}")
    store = f"sqlite:///{folder / 'x.db'}"
    letters = f"--dead_letters={folder / 'dead.jsonl'}"
    assert record.main([f"--input={path}", f"--record_sink={store}", letters, *flags]) == 0
    with sa.create_engine(store, poolclass=sa.NullPool).connect() as connection:
        return sorted(map(tuple, connection.exec_driver_sql("SELECT * FROM record")))


def test_a_job_removes_what_is_older_than_its_last_events(tmp_path: Path) -> None:
    rows = some_events(400)
    assert job(tmp_path) == sorted(set(rows))
    start = max(row[3] for row in rows) // PERIOD * PERIOD
    wanted = younger(rows, start - DAY)
    assert 0 < len(wanted) < len(set(rows)) // 2
    for flags in (
        ["--retention=1"],
        [f"--retention=sqlite:///{tmp_path / 'x.db'}=1", "--retention=9"],
    ):
        assert job(tmp_path, *flags) == wanted


def test_the_retention_of_one_store_and_of_the_others() -> None:
    settings = RetentionSettings(RetentionSettings.__dataclass_fields__["retention"].default)
    assert settings.seconds("redis://h/0") == 0
    parse: Callable[[str], Any] = RetentionSettings.__dataclass_fields__["retention"].metadata[
        "rivulet.option"
    ]["parse"]
    settings = RetentionSettings((parse("30"), parse("mysql://u:p=7@h/db?a=b=2")))
    assert settings.seconds("redis://h/0") == 30 * DAY
    assert settings.seconds("mysql://u:p=7@h/db?a=b") == 2 * DAY
    sources = RecordSinkSettings(("sqlite:///x.db", "redis://h/0")).sources(300, settings)
    assert [source.retention for source in sources] == [30 * DAY] * 2


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (["--retention=0"], "whole days from 1"),
        (["--retention=1.5"], "whole days from 1"),
        (["--retention=mysql://u:s3cret@h/db"], "whole days from 1"),
        (["--retention=2", "--retention=3"], "given twice"),
        (["--retention=redis://:s3cret@h/0=3"], "does not write to this store"),
        (["--retention=3", "--record_sink=none"], "no effect without a store"),
    ],
)
def test_a_bad_retention_is_one_line_and_status_2(
    flags: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        record.main(flags)
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert problem in said
    assert said.count("\n") == 1
    assert "s3cret" not in said
