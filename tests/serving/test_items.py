"""Items of the catalogue in the API: details, and what is not available."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from sinks import open_source
from sinks.sql.item_rows import ITEM, items_writer
from tests.serving.in_process import application
from tests.serving.tables import END, SETTINGS, fill, sample
from tests.sinks import frames
from transforms.messages.catalogue_items import CatalogueItems
from transforms.messages.job import JobSettings
from transforms.messages.popular import PopularRows
from transforms.messages.recommendations import Recommendations


def catalogue(url: str, **items: int) -> None:
    """Items with whether they are available, written by a job."""
    engine = create_engine(url)
    names = tuple(name.removeprefix("i") for name in items)
    values = tuple(bool(value) for value in items.values())
    details = tuple(f'{{"title": "item {name}", "price": 2.5}}' for name in names)
    items_writer(engine)(CatalogueItems(names, (100,) * len(names), values, details))
    engine.dispose()


def test_what_is_not_available_is_not_shown(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/rivulet.db"
    job = [(1_700_000_200_000, SETTINGS | {"catalogue": 1})]
    fill(url, replace(sample(), job=job))
    catalogue(url, i11=1, i12=0, i21=0, i22=1, i23=1)
    with application(url) as client:
        popular = client.get("/popular").json()
        assert [(place["item"], place["rank"]) for place in popular["items"]] == [(11, 1)]
        newest, older = client.get("/users/1/recommendations").json()["recommendations"]
        assert (newest["time"], newest["items"]) == (END, [22, 23])
        assert newest["propensities"] == [1.0, 1.0]
        assert older["items"] == [31]  # What was shown then.
        found = client.get("/items/22").json()
        assert found == {
            "item": "22", "available": True, "updated": 100, "category": None, "title": "item 22",
            "image": None, "price": 2.5, "created": None,
        }  # fmt: skip
        for item in ("99", "a%00b", "%C2%85", "%C3%A4" * 129):
            assert client.get(f"/items/{item}").status_code == 404, item
        found = client.get("/items", params={"item": ["22", "a\x1b"]}).json()["items"]
        assert [each["item"] for each in found] == ["22"]


@pytest.mark.servers
@pytest.mark.parametrize("kind", ["mongo", "redis_url"])
def test_a_server_with_one_other_store_alone(
    kind: str, request: pytest.FixtureRequest, unique: str
) -> None:
    server: Any = request.getfixturevalue(kind)
    url = server if kind == "redis_url" else server.url.replace("/rivulet", f"/{unique}")
    store = open_source(url).open()
    store.prepare()
    store.writer(JobSettings)(JobSettings.of(1_700_000_000_000, {"catalogue": 1}))
    store.writer(PopularRows)(frames.ranking(END, (11, 3), (12, 2)))
    store.writer(Recommendations)(frames.recommendations((1, END, [21, 22, 23])))
    write = store.writer(CatalogueItems)
    rows = {"11": True, "12": False, "21": False, "22": True, "23": True}
    details = ('{"title": "a title", "price": 2.5}',) * 5
    write(CatalogueItems(tuple(rows), (100,) * 5, tuple(rows.values()), details))
    # The newest row counts, in whatever order rows are written.
    for updated, available in ((99, False), (101, True), (100, False), (101, True)):
        write(CatalogueItems(("22", "a b"), (updated,) * 2, (available,) * 2, ("{}",) * 2))
    store.close()
    with application(url) as client:
        assert [place["item"] for place in client.get("/popular").json()["items"]] == [11]
        (newest,) = client.get("/users/1/recommendations").json()["recommendations"]
        assert newest["items"] == [22, 23]
        found = client.get("/items/23").json()
        assert (found["title"], found["price"], found["updated"]) == ("a title", 2.5, 100)
        for item in ("22", "a b"):
            found = client.get(f"/items/{item}").json()
            assert (found["item"], found["updated"], found["available"]) == (item, 101, True)
        assert client.get("/items/99").status_code == 404


def test_pictures_are_of_the_hosts_that_are_named(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/rivulet.db"
    fill(url, sample())
    images = ("https://img.example/a.jpg", "https://other.example/a.jpg", "http://img.example/a")
    details = tuple(f'{{"title": "t", "image": "{image}"}}' for image in images)
    store = open_source(url).open()
    write = store.writer(CatalogueItems)
    write(CatalogueItems(("1", "2", "3"), (1,) * 3, (True,) * 3, details))
    # Of another writer: a job writes no such texts.
    odd = json.dumps({"title": "a\0<b>\x1b", "image": "javascript:alert(1)"})
    write(CatalogueItems(("4",), (1,), (True,), (odd,)))
    store.close()
    for hosts, shown in ((("img.example", "b.example:8443"), images[0]), ((), None)):
        with application(url, picture_host=hosts) as client:
            odd_item = client.get("/items/4").json()
            assert (odd_item["title"], odd_item["image"]) == ("a<b>", None)
            answer = client.get("/items", params={"item": ["3", "1", "9", "2"]})
            found = {item["item"]: item["picture"] for item in answer.json()["items"]}
            assert found == {"3": None, "1": shown, "2": None}
            policy = answer.headers["content-security-policy"]
            sources = "".join(f" https://{host}" for host in hosts)
            assert f"img-src 'self' data:{sources}; connect-src" in policy


def test_without_a_catalogue_all_items_are_shown(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/rivulet.db"
    fill(url, sample())
    with application(url) as client:
        assert len(client.get("/popular").json()["items"]) == 3
        assert client.get("/items/11").status_code == 404


def test_the_newest_row_of_an_item_counts(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/rivulet.db")
    write = items_writer(engine)
    for updated, available in ((5, True), (9, False), (7, True), (9, False)):
        write(CatalogueItems(("a/b",), (updated,), (available,), ("{}",)))
    with engine.connect() as connection:
        assert connection.execute(ITEM.select()).fetchall() == [("a/b", 9, 0, "{}")]
    engine.dispose()
