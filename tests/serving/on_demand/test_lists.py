"""Lists by request: for users with and without lists, by category, and for anonymous visits."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from sinks import open_source
from tests.inference.tiny import tiny_policy
from tests.serving.in_process import application
from tests.sinks import frames
from transforms.messages.catalogue_items import CatalogueItems
from transforms.messages.events import EventBatch
from transforms.messages.job import JobSettings
from transforms.messages.popular import PopularRows
from transforms.messages.recommendations import Recommendations

T = 1_500_000_000
ITEMS = [7 + 3 * n for n in range(50)]
"""What the model of the tests knows."""
GONE = {7, 37}
SETTINGS = {
    "catalogue": 1,
    "history_size": 5,
    "min_history": 3,
    "recommendations": 4,
    "exclude_bought": 1000,
}
HISTORY = [10, 13, 16, 13, 19]


def write(url: str, **settings: int) -> None:
    store = open_source(url).open()
    store.prepare()
    store.writer(JobSettings)(JobSettings.of(T, SETTINGS | settings))
    bought = [(100, 40, "buy", T - 500), (100, 43, "buy", T - 5000)]
    clicks = [(100, item, "pv", T - 50 + at) for at, item in enumerate(HISTORY)]
    store.writer(EventBatch)(frames.events(*bought, *clicks, (101, 10, "pv", T - 9)))
    for end in (T - 80, T):
        places = [(item, 9) for item in (7, 10, 40, 46, 49) if end == T or item > 40]
        store.writer(PopularRows)(frames.ranking(end, *places, *([(52, 1)] if end < T else [])))
    lists = [(100, T - 60, [22]), (100, T - 20, [22, 37, 25, 28])]
    store.writer(Recommendations)(frames.recommendations(*lists, policy="reinforce-1"))
    names = tuple(map(str, ITEMS))
    available = tuple(item not in GONE for item in ITEMS)
    details = tuple(f'{{"category": "{"odd" if item % 2 else "even"}"}}' for item in ITEMS)
    store.writer(CatalogueItems)(CatalogueItems(names, (1,) * 50, available, details))
    store.close()


@pytest.fixture(scope="module")
def client(
    model_dirs: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    url = f"sqlite:///{tmp_path_factory.mktemp('lists')}/x.db"
    write(url)
    with application(url, model=(str(model_dirs[0]),)) as made:
        yield made


def by_request(client: TestClient, user: int, query: str) -> dict[str, Any]:
    answer = client.get(f"/users/{user}/recommendations?{query}")
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["recommendations"]
    return dict(found)


def ranked(user: int, history: list[int], left_out: set[int], category: int | None = None) -> Any:
    """The policy's list by hand: all items ranked, less what it must not have."""
    row = np.zeros((1, 5), np.int64)
    row[0, : len(history)] = history
    whole = tiny_policy().rank(np.array([user]), row, np.array([len(history)]), 50)
    items = whole.items[0, : whole.length[0]].tolist()
    keep = [i for i in items if i not in left_out | GONE]
    return [i for i in keep if category is None or i % 2 == category][:4]


def test_fresh_ranks_what_the_user_may_have(client: TestClient) -> None:
    found = by_request(client, 100, "fresh=1")
    assert found["items"] == ranked(100, HISTORY, {40})
    assert found["time"] == T  # The end of the latest window: event time, not the clock.
    assert (found["policy"], found["why"]) == ("reinforce-1", ["policy"] * 4)
    assert found["fallback"] is False
    found = by_request(client, 100, "fresh=1&category=odd&exclude=25&exclude=31&limit=3")
    assert found["items"] == ranked(100, HISTORY, {40, 25, 31}, 1)[:3]


def test_fresh_with_a_short_history_is_of_popular_items(client: TestClient) -> None:
    found = by_request(client, 101, "fresh=1")
    # Without what is not available and the user's history; of the latest window, as in the stream.
    assert found["items"] == [40, 46, 49]
    assert (found["policy"], found["fallback"]) == ("popular", True)
    assert by_request(client, 101, "fresh=1&fallback=popular")["items"] == [40, 46, 49, 52]


def test_a_stored_list_is_completed_where_asked_for(client: TestClient) -> None:
    found = by_request(client, 100, "exclude=25")
    assert (found["items"], found["why"]) == ([22, 28], ["list"] * 2)
    found = by_request(client, 100, "exclude=25&fallback=popular")
    assert found["items"] == [22, 28, 46, 49]  # Neither gone, nor bought, nor in the history.
    assert found["why"] == ["list", "list", "popular", "popular"]
    assert (found["policy"], found["fallback"], found["time"]) == ("reinforce-1", False, T - 20)
    assert by_request(client, 100, "category=odd")["items"] == [25]
    assert by_request(client, 100, "category=none&fallback=popular")["items"] == []


def test_the_shelf_of_a_user_without_a_list_is_not_empty(client: TestClient) -> None:
    assert client.get("/users/555/recommendations?category=odd").status_code == 404
    found = by_request(client, 555, "fallback=popular&category=even")
    assert found["items"] == [10, 40, 46, 52]
    assert (found["policy"], found["fallback"], found["why"]) == ("popular", True, ["popular"] * 4)
    assert by_request(client, 555, "fallback=popular&limit=2")["items"] == [10, 40]


def test_an_anonymous_visit_ranks_as_a_user_whom_the_model_does_not_know(
    client: TestClient,
) -> None:
    visit = {"item": HISTORY, "n_rec": 4}
    found = client.post("/session", json=visit).json()
    assert found["items"] == ranked(999_999, HISTORY, set())
    assert (found["policy"], found["time"], found["fallback"]) == ("reinforce-1", T, False)
    found = client.post("/session", json=visit | {"exclude": [46], "category": "even"}).json()
    assert found["items"] == ranked(999_999, HISTORY, {46}, 0)
    short = client.post("/session", json={"item": [], "fallback": "popular"}).json()
    assert (short["items"], short["policy"]) == ([10, 40, 46, 49], "popular")


def test_on_demand_inference_leaves_out_what_may_not_be_shown(client: TestClient) -> None:
    request = {"user": [100], "item": [HISTORY], "n_rec": 4}
    found = client.post("/reinforce", json=request).json()
    assert found["items"] == [ranked(100, HISTORY, set())]
    more = {"exclude": [25], "category": "odd"}
    found = client.post("/reinforce", json=request | more).json()
    assert found["items"] == [ranked(100, HISTORY, {25}, 1)]
    states = tiny_policy().states(np.array([100]), np.array([HISTORY]), np.array([len(HISTORY)]))
    given = {"user": [100], "embedding": states.tolist(), "n_rec": 50} | more
    items = client.post("/reinforce/state", json=given).json()["items"][0]
    assert items
    assert not set(items) & (GONE | {25})
    assert all(item % 2 for item in items)


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("fresh=1&offset=1", "no offset"),
        ("fallback=popular&outcomes=true", "no outcomes"),
        ("fallback=popular&limit=101", "100 items"),
        ("fallback=none", "popular"),
        ("exclude=x", "integers"),
    ],
)
def test_what_has_no_effect_is_refused(client: TestClient, query: str, problem: str) -> None:
    answer = client.get(f"/users/100/recommendations?{query}")
    assert answer.status_code == 422
    assert problem in answer.json()["detail"]


def test_without_a_catalogue_there_are_no_categories(
    model_dirs: list[Path], tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    write(url, catalogue=0, models=0)
    with application(url, model=(str(model_dirs[0]),)) as client:
        for answer in (
            client.get("/users/100/recommendations?category=odd"),
            client.post("/session", json={"item": [10], "category": "odd"}),
            client.post("/reinforce", json={"user": [1], "item": [[10]], "category": "odd"}),
        ):
            assert answer.status_code == 422
            assert "--items" in answer.json()["detail"]
        # The job's models are not used, so neither are they here.
        found = by_request(client, 100, "fresh=1")
        assert (found["policy"], found["items"]) == ("popular", [7, 46, 49])


def test_without_beam_a_list_by_request_is_refused(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.on_demand.lists.find_spec", lambda name: None)
    assert client.get("/users/100/recommendations").status_code == 200
    answer = client.get("/users/100/recommendations?fresh=1")
    assert answer.status_code == 501
    assert "needs Apache Beam" in answer.text


def test_a_job_without_a_least_history_ranks_after_one_event(
    model_dirs: list[Path], tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    write(url, min_history=0)
    with application(url, model=(str(model_dirs[0]),)) as client:
        found = by_request(client, 101, "fresh=1")
    assert found["items"] == ranked(101, [10], set())
    assert found["why"] == ["policy"] * 4
