"""Which window of popular items is shown: the last full one of an input that has ended."""

from dataclasses import replace
from pathlib import Path

from tests.serving.in_process import application
from tests.serving.tables import END, fill, sample


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
