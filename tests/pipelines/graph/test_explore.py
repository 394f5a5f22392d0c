"""A job that explores: its tables and its feedback log are the oracle's, in any division."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.flink import stream
from tests.graph import run_job
from tests.pipelines import streams

EVENTS = streams.clicks(5, count=2000, span=400)


@pytest.mark.parametrize("shards", [1, 5])
def test_lists_and_the_feedback_log(tmp_path: Path, shards: int) -> None:
    path = tmp_path / "clicks.csv"
    stream.write_file(path, EVENTS)
    flags = (f"--input={path}", f"--shards={shards}", f"--feedback={tmp_path / 'log'}")
    found = run_job(tmp_path, *flags, *stream.EXPLORE)
    stream.check(found, EVENTS, explore=True)
    drawn = 0
    table = pq.read_table(tmp_path / "log")
    for row in table.to_pylist():
        items, _, chances, _ = found.recommendations[row["user"], row["time"]]
        assert (row["items"], row["propensities"]) == (items, chances)
        assert row["explored"] == [chance < 1 for chance in chances]
        drawn += any(row["explored"])
    assert 0 < drawn < table.num_rows
    settings = json.loads(table.schema.metadata[b"rivulet"])
    assert settings["explore"] == "epsilon:0.5"
    assert settings["explore_seed"] == 0
    assert found.summary.counters["recommendations_explored"] >= drawn
