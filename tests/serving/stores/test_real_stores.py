"""What the job wrote to real servers, read through the API and the page."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, chdir
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from deploy.servers.mongo import Mongo
from deploy.servers.mysql import MySQL
from deploy.servers.postgres import Postgres
from pipelines.recommend import main
from simulation.live import COLUMNS, Flaws, LiveClicks
from simulation.model import World
from tests.serving.browser import browser
from tests.serving.running import serving
from tests.sinks.databases import make_database

pytestmark = [pytest.mark.servers, pytest.mark.slow]
START = 1_767_603_600
DATABASE = "page_of_real_stores"
SINKS = ("record", "popular", "recommendation")


@pytest.fixture(scope="module")
def stores(
    mysql: MySQL, postgres: Postgres, mongo: Mongo,
    redis_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, str]:  # fmt: skip
    """The URLs of five stores that hold one run of the job, SQLite's first."""
    folder = tmp_path_factory.mktemp("job")
    urls = {
        "sqlite": f"sqlite:///{folder}/rivulet.db",
        "mysql": make_database(mysql, DATABASE),
        "postgres": make_database(postgres, DATABASE),
        "mongodb": f"{mongo.url.rpartition('/')[0]}/{DATABASE}",
        "redis": redis_database(),
    }
    lines = LiveClicks(World.make(0, 200), 5, START, Flaws(late=0), seed=1).until(START + 1500)
    (folder / "clicks.csv").write_bytes(b"\n".join([",".join(COLUMNS).encode(), *lines]))
    sinks = [f"--{name}_sink={url}" for name in SINKS for url in urls.values()]
    letters = f"--dead_letters={folder / 'dead.jsonl'}"
    with chdir(folder):
        assert main(["--input=clicks.csv", letters, *sinks]) == 0
    return urls


@pytest.fixture(scope="module")
def clients(
    stores: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, httpx.Client]]:
    """A client of a server for each store."""
    with ExitStack() as opened:
        made = {}
        for name, url in stores.items():
            folder = tmp_path_factory.mktemp(name)
            address = opened.enter_context(serving(folder, f"--store={url}", models=False))
            made[name] = opened.enter_context(httpx.Client(base_url=address, timeout=30))
        yield made


def get(client: httpx.Client, path: str) -> dict[str, Any]:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    del found["store"]
    return found


def test_each_store_gives_the_same_answers(clients: dict[str, httpx.Client]) -> None:
    names = ("sqlite", "mysql", "postgres", "mongodb")
    sqlite, mysql, postgres, mongo = (clients[name] for name in names)
    users = get(sqlite, "/users?limit=10")["users"]
    assert users
    # Each window by its end: SQL stores alone know which is the last full one.
    windows = get(sqlite, "/popular/windows?count=5")["windows"]
    assert len(windows) == 5
    paths = [f"/popular?window_end={window['window_end']}" for window in windows]
    for user in users:
        paths += [
            f"/users/{user}/history?limit=20",
            f"/users/{user}/history?limit=3&offset=4",
            f"/users/{user}/recommendations?limit=4&outcomes=true",
        ]
    for path in paths:
        assert get(mysql, path) == get(sqlite, path) == get(mongo, path), path
        assert get(postgres, path) == get(sqlite, path), path
    for path in ("/policies", "/activity"):
        assert get(mysql, path) == get(postgres, path) == get(sqlite, path)
        assert mongo.get(path).status_code == 404
    outcomes = get(mongo, f"/users/{users[0]}/recommendations?limit=50&outcomes=true")
    assert any(one["outcomes"] for one in outcomes["recommendations"])


def test_redis_gives_what_is_true_now(clients: dict[str, httpx.Client]) -> None:
    sqlite, redis = clients["sqlite"], clients["redis"]
    newest = get(redis, "/popular")
    assert newest["window_end"] == get(sqlite, "/popular")["newest_window_end"]
    stored = get(sqlite, f"/popular?window_end={newest['window_end']}")
    places = [(one["item"], one["count"]) for one in stored["items"]]
    assert [(one["item"], one["count"]) for one in newest["items"]] == places
    for user in get(sqlite, "/users?limit=5")["users"]:
        latest = get(sqlite, f"/users/{user}/recommendations?limit=1")["recommendations"][0]
        (shown,) = get(redis, f"/users/{user}/recommendations")["recommendations"]
        assert (shown["time"], shown["items"]) == (latest["time"], latest["items"])
        assert len(get(redis, f"/users/{user}/history")["events"]) <= 10


@pytest.mark.browser
def test_the_page_over_mongodb_mariadb_and_redis_together(
    stores: dict[str, str], tmp_path: Path
) -> None:
    chosen = [f"--store={stores[name]}" for name in ("redis", "mongodb", "mysql")]
    with serving(tmp_path, *chosen, models=False) as address, browser() as made:
        user = httpx.get(f"{address}/users").json()["users"][0]
        page = made.new_page()
        page.goto(f"{address}/?user={user}")
        expect(page.locator("#popular tbody tr")).to_have_count(17)
        expect(page.locator("#policy-table")).to_contain_text("reinforce-")
        expect(page.locator("#tiles")).to_contain_text("recommendations")
        expect(page.locator("#activity-chart canvas")).to_be_visible()
        expect(page.locator("#user-answer")).to_contain_text(f"Last events of user {user}")
        expect(page.locator("#notices")).to_be_empty()
        for name in ("redis://", "mongodb://", "mysql+pymysql://"):
            expect(page.locator("#stores")).to_contain_text(name)
        page.goto("about:blank")
