"""Items of the catalogue in the API: details, and what is not available."""

from dataclasses import replace
from pathlib import Path

from sqlalchemy import create_engine

from sinks.sql.item_rows import ITEM, items_writer
from tests.serving.in_process import application
from tests.serving.tables import END, SETTINGS, fill, sample
from transforms.messages.catalogue_items import CatalogueItems


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
        assert client.get("/items/99").status_code == 404


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
