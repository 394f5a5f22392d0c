"""Similar items in the API: by a model's embeddings, less what may not be shown."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from serving.models import similar
from serving.models.similar import SimilarLists
from sinks import open_source
from tests.inference.tiny import tiny_ids, tiny_policy
from tests.serving.in_process import application
from tests.serving.on_demand.test_lists import GONE, T, write
from tests.sinks import frames
from transforms.messages.related import RelatedItems


@pytest.fixture(scope="module")
def client(
    model_dirs: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    url = f"sqlite:///{tmp_path_factory.mktemp('similar')}/x.db"
    write(url)
    store = open_source(url).open()
    store.writer(RelatedItems)(frames.related(T, (10, [(7, 9), (13, 3), (16, 2)]), (11, [])))
    store.close()
    with application(url, model=tuple(map(str, model_dirs[:2]))) as made:
        yield made


def by_hand(item: int, algorithm: str = "reinforce") -> list[tuple[float, int]]:
    """(cosine, item) of all other items, best first."""
    table = tiny_policy(algorithm).network.encoder.items.weight.double().numpy()
    table = table / np.linalg.norm(table, axis=1, keepdims=True)
    ids = tiny_ids()[0].ids.tolist()
    own = table[ids.index(item)]
    scores = [(float(own @ table[row]), one) for row, one in enumerate(ids) if one != item]
    return sorted(scores, reverse=True)


def items(found: dict[str, Any]) -> list[int]:
    return [one["item"] for one in found["items"]]


def test_the_nearest_items_that_may_be_shown(client: TestClient) -> None:
    for limit in (1, 5, 60):
        found = client.get(f"/items/10/similar?limit={limit}").json()
        wanted = [(score, item) for score, item in by_hand(10) if item not in GONE][:limit]
        assert items(found) == [item for _, item in wanted]
        assert (found["item"], found["policy"]) == (10, "reinforce-1")
        for place, (score, item) in zip(found["items"], wanted, strict=True):
            assert abs(place["score"] - score) < 2e-3
            assert place["why"] == "similar"
            assert place["category"] == ("odd" if item % 2 else "even")
    found = client.get("/items/10/similar?category=odd&exclude=13&exclude=31&limit=4").json()
    left = [item for _, item in by_hand(10) if item % 2 and item not in GONE | {13, 31}]
    assert items(found) == left[:4]
    other = client.get("/items/10/similar?model=ddpg").json()
    assert items(other) == [one for _, one in by_hand(10, "ddpg") if one not in GONE][:8]


def test_what_users_bought_together_with_an_item(client: TestClient) -> None:
    found = client.get("/items/10/similar?by=bought").json()
    # Item 7 is not available.
    assert [(one["item"], one["score"], one["why"]) for one in found["items"]] == [
        (13, 3.0, "bought"), (16, 2.0, "bought"),
    ]  # fmt: skip
    assert (found["by"], found["time"], found["policy"]) == ("bought", T, None)
    assert found["store"].startswith("sqlite:///")
    assert found["items"][0]["category"] == "odd"
    assert items(client.get("/items/10/similar?by=bought&category=even").json()) == [16]
    assert items(client.get("/items/10/similar?by=bought&exclude=13&limit=1").json()) == [16]
    assert items(client.get("/items/11/similar?by=bought").json()) == []
    assert "viewed with 10" in client.get("/items/10/similar?by=viewed").json()["detail"]


@pytest.mark.parametrize(
    ("path", "status", "problem"),
    [
        ("/items/11/similar", 404, "reinforce-1 does not know the item 11"),
        ("/items/x/similar", 404, "integers"),
        ("/items/10/similar?model=none", 404, "loaded: reinforce, ddpg"),
        ("/items/10/similar?exclude=x", 422, "integers"),
        ("/items/10/similar?limit=101", 422, "100"),
        ("/items/10/similar?by=bought&model=ddpg", 422, "leave out model"),
    ],
)
def test_what_cannot_be_answered_is_said(
    client: TestClient, path: str, status: int, problem: str
) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert problem in answer.text


def test_without_a_catalogue_or_models(model_dirs: list[Path], tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    write(url, catalogue=0)
    with application(url, model=(str(model_dirs[0]),)) as client:
        found = client.get("/items/10/similar").json()
        assert items(found) == [item for _, item in by_hand(10)][:8]
        assert found["items"][0]["category"] is None
        assert "--items" in client.get("/items/10/similar?category=odd").json()["detail"]
    url = f"sqlite:///{tmp_path}/y.db"
    write(url, models=0)
    with application(url, model=(str(model_dirs[0]),)) as client:
        assert client.get("/items/10/similar").status_code == 404


def test_lists_are_kept_within_a_bound_and_for_a_version(monkeypatch: pytest.MonkeyPatch) -> None:
    policies = [tiny_policy("reinforce"), tiny_policy("ddpg")]
    known = [item for item in tiny_ids()[0].ids.tolist() if item not in (10, 13)]
    with ThreadPoolExecutor(1) as threads:
        lists = SimilarLists(lambda: policies[0], threads)

        async def best(item: int, length: int) -> list[Any]:
            made = await lists.best(item, length)
            assert made is not None
            return made.items[0]

        async def check() -> None:
            first = await best(10, 3)
            assert first == [item for _, item in by_hand(10)][:3]
            # Computed once: the batch is not asked again, not even for a longer list of its step.
            monkeypatch.setattr(lists, "_batcher", None)
            assert (await best(10, 30))[:3] == first
            monkeypatch.undo()
            monkeypatch.setattr(similar, "KEPT_ITEMS", 100)
            await asyncio.gather(*(best(item, 5) for item in known))
            assert len(lists._known) == 3
            policies.reverse()
            assert await best(10, 3) == [item for _, item in by_hand(10, "ddpg")][:3]

        asyncio.run(check())
