"""Which window of popular items is shown: the last full one of an input that has ended."""

from dataclasses import replace
from pathlib import Path

from sinks import open_source
from tests.serving.in_process import application
from tests.serving.tables import END, SETTINGS, fill, sample
from transforms.messages.catalogue_items import CatalogueItems


def test_after_the_end_of_an_input_the_last_full_window_is_shown(tmp_path: Path) -> None:
    """The sample's job has read to 7 seconds after END: the window of these ends at END + 80."""
    url = f"sqlite:///{tmp_path}/rivulet.db"
    later = [(END + 80, 1, 12, 8), (END + 160, 1, 11, 2), (END + 240, 1, 13, 1)]
    rows = sample()
    for count, shown, newest in ((0, END, None), (1, END + 80, None), (3, END + 80, END + 240)):
        fill(url, replace(rows, top=[*rows.top, *later[:count]]))
        with application(url) as client:
            popular = client.get("/popular").json()
            assert (popular["window_end"], popular["newest_window_end"]) == (shown, newest)
            assert popular["previous_window_end"] == shown - 80
            windows = client.get("/popular/windows").json()["windows"]
            assert windows[-1]["window_end"] == shown
            if count == 3:
                last = client.get("/popular", params={"window_end": END + 240}).json()
                assert [place["item"] for place in last["items"]] == [13]


def test_without_a_jobs_counters_the_latest_window_is_shown(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/rivulet.db"
    rows = sample()
    fill(url, replace(rows, job_worker=(), top=[*rows.top, (END + 240, 1, 13, 1)]))
    with application(url) as client:
        popular = client.get("/popular").json()
        assert (popular["window_end"], popular["newest_window_end"]) == (END + 240, None)


def test_the_popular_items_of_a_category(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/rivulet.db"
    fill(url, sample())
    with application(url) as client:
        answer = client.get("/popular", params={"category": "shoes"})
        assert (answer.status_code, "--items" in answer.text) == (422, True)
    fill(url, replace(sample(), job=[(1_700_000_200_000, SETTINGS | {"catalogue": 1})]))
    store = open_source(url).open()
    details = tuple(f'{{"category": "{name}"}}' for name in ("shoes", "hats", "shoes"))
    write = store.writer(CatalogueItems)
    write(CatalogueItems(("11", "12", "13"), (1,) * 3, (True,) * 3, details))
    store.close()
    with application(url) as client:
        for category, wanted in (("shoes", [(11, 1), (13, 3)]), ("hats", [(12, 2)]), ("x", [])):
            found = client.get("/popular", params={"category": category}).json()
            assert [(place["item"], place["rank"]) for place in found["items"]] == wanted
            assert found["window_end"] == END
