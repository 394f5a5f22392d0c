"""A job with impressions: its feedback is the oracle's, and every impression is counted."""

import json
from pathlib import Path

import pytest

from pipelines.recommend import main
from tests.flink import stream
from tests.graph import run_job
from tests.pipelines import impressions, streams

EVENTS = streams.clicks(5, count=1500, span=400)


@pytest.mark.parametrize(("shards", "as_json"), [(1, True), (5, False)])
def test_lists_count_as_shown_when_an_impression_says_so(
    tmp_path: Path, shards: int, as_json: bool
) -> None:
    clicks, seen = tmp_path / "clicks.csv", tmp_path / "seen.csv"
    stream.write_file(clicks, EVENTS)
    sights = impressions.impressions_of(EVENTS)
    rows = [
        json.dumps({"user": user, "T": at, "time": time}) if as_json else f"{user},{at},{time}"
        for user, at, time in reversed(sights)
    ]
    head = [] if as_json else ["user,T,time"]
    seen.write_text("\n".join([*head, *rows, *impressions.MALFORMED]) + "\n")
    log = tmp_path / "log"
    found = run_job(
        tmp_path, f"--input={clicks}", f"--shards={shards}", f"--feedback={log}",
        f"--impressions={seen}",
    )  # fmt: skip
    stream.check(found, EVENTS)  # Lists do not depend on impressions.
    earned, minutes = impressions.wanted(EVENTS, sights)
    assert impressions.logged(log) == earned
    assert found.minutes == minutes
    assert sum(map(sum, earned.values())) > 20
    count = found.summary.get
    assert count("lines") == len(EVENTS) + len(stream.MALFORMED)
    assert count("impression_lines") == len(sights) + 2
    assert count("impression_malformed") == 2
    assert count("impression_duplicates") == len(sights) - len(set(sights))
    assert count("impression_closed") == len(set(sights))
    assert count("lists_shown") == len(earned) < count("impression_closed")
    letters = (tmp_path / "dead.jsonl").read_text().splitlines()
    assert len(letters) == len(stream.MALFORMED) + 2


def test_impressions_of_a_topic_beside_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clicks.csv").write_text("user,item,time\n1,2,3\n")
    (tmp_path / "seen.csv").write_text("user,time\n1,3\n")
    for url, words in (
        ("kafka://127.0.0.1:1/seen", "--impressions must be files, as --input is"),
        ("seen.csv", "--impressions: seen.csv: the header has no column 'T', which impressions"),
        ("no.csv", "--impressions: no.csv: there is no such file"),
    ):
        with pytest.raises(SystemExit) as end:
            main(["--input=clicks.csv", f"--impressions={url}", "--min_known=0"])
        assert end.value.code == 2
        assert words in capsys.readouterr().err
