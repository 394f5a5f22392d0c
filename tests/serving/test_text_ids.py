"""Users and items that are text, through the API: as a job's stores have them."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from deploy.servers.mongo import Mongo
from sinks import open_source
from tests.serving.running import serving
from tests.sinks.test_text_ids import IDS, TEXT, T, deliver, lists, random_rows
from transforms.messages.job import JobSettings


def fill(url: str) -> None:
    store = open_source(url).with_ids(TEXT).open()
    store.prepare()
    assert deliver(store, 1, IDS) == []
    settings = {**TEXT.settings(), "reward_window": 600, "history_size": 10}
    store.writer(JobSettings)(JobSettings(2, settings))
    store.close()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("text")
    fill(f"sqlite:///{folder}/rivulet.db")
    with serving(folder) as address, httpx.Client(base_url=address, timeout=30) as made:
        yield made


def check_users(client: httpx.Client, users: list[str]) -> None:
    shown = lists(1, IDS)
    for user in users:
        address = f"/users/{quote(user, safe='')}"
        found = client.get(f"{address}/recommendations").json()
        assert found["user"] == user
        assert found["recommendations"][0]["items"] == shown[user, T + 40]
        history = client.get(f"{address}/history", params={"limit": 500}).json()
        mine = {row for row in random_rows(1, IDS) if row[0] == user}
        items = [event["item"] for event in history["events"]]
        assert items
        assert set(items) <= {row[1] for row in mine}


def test_users_with_any_text(client: httpx.Client) -> None:
    check_users(client, IDS)
    user = "a/b"
    history = client.get("/users/a%2Fb/history", params={"limit": 500}).json()["events"]
    mine = {row for row in random_rows(1, IDS) if row[0] == user}
    times = [(event["time"], event["item"].encode()) for event in history]
    assert times == sorted(times, reverse=True)
    assert {(user, e["item"], e["behavior"], e["time"]) for e in history} == mine
    judged = client.get("/users/a%2Fb/recommendations", params={"outcomes": True}).json()
    assert judged["recommendations"][0]["outcomes"] is not None


def test_popular_items_and_users_are_texts(client: httpx.Client) -> None:
    assert [place["item"] for place in client.get("/popular").json()["items"]] == IDS
    users = client.get("/users", params={"limit": 100}).json()["users"]
    assert sorted(users) == sorted(IDS)


def test_what_is_no_id_is_refused(client: httpx.Client) -> None:
    assert client.get(f"/users/{'x' * 257}/history").status_code == 422
    for user in ("a%09b", "%00", "é" * 200):
        assert client.get(f"/users/{user}/history").status_code == 404
    assert client.get("/users/nobody/history").status_code == 404


@pytest.mark.servers
def test_mongo_and_redis(mongo: Mongo, redis_url: str, unique: str, tmp_path: Path) -> None:
    for url in (mongo.url.replace("/rivulet", f"/{unique}"), redis_url):
        fill(url)
        with (
            serving(tmp_path, f"--store={url}") as address,
            httpx.Client(base_url=address, timeout=30) as client,
        ):
            check_users(client, IDS[::5])
            assert [p["item"] for p in client.get("/popular").json()["items"]] == IDS
            users = client.get("/users", params={"limit": 100}).json()["users"]
            assert sorted(users) == sorted(IDS)
