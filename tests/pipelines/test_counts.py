"""Every input line ends in exactly one of recorded, duplicate and malformed, and is counted."""

import json
import sqlite3
from pathlib import Path

import pytest

from pipelines import simulate
from tests.graph import run_job


@pytest.mark.slow
def test_what_the_simulator_spoilt_is_counted_to_the_line(tmp_path: Path) -> None:
    stream, truth = tmp_path / "stream.csv.gz", tmp_path / "truth"
    flaws = ["--malformed=0.05", "--duplicates=0.04", "--late=0.03"]
    simulate.main(
        [
            "--events=4000",
            "--users=300",
            "--rate=10",
            f"--output={stream}",
            f"--truth={truth}",
            *flaws,
        ]
    )
    counts = json.loads((truth / "truth.json").read_text())
    summary = run_job(tmp_path, f"--input={stream}").summary
    rows = dict(summary.rows(recommends=True, ranks=True, closes_panes=True))
    number = {name: int(text.replace(",", "")) for name, text in rows.items() if text[0].isdigit()
              and "%" not in text and "." not in text}  # fmt: skip
    assert number["recorded"] == counts["events"] == 4000
    assert number["duplicates"] == counts["duplicates"] == 160
    assert number["malformed"] == sum(counts["malformed"].values()) == 200
    assert number["lines read"] == counts["lines"] == 4360
    assert number["late"] == 0, "of files nothing is late"
    with sqlite3.connect(tmp_path / "store.db") as db:
        assert db.execute("SELECT count(*) FROM record").fetchone() == (4000,)
    assert len((tmp_path / "dead.jsonl").read_text().splitlines()) == 200
