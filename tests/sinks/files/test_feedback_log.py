"""The feedback log's files."""

import json
from pathlib import Path

import apache_beam as beam
import numpy as np
import pyarrow.parquet as pq
from apache_beam.transforms.window import TimestampedValue

from sinks.files.feedback_log import SETTINGS_KEY, WriteFeedback
from transforms.messages.feedback import Feedback
from transforms.messages.job import JobSettings

T = 1_500_000_000
SETTINGS = JobSettings(1_600_000_000_000, {"reward_window": 60, "history_size": 20})


def feedback(*users: int) -> Feedback:
    """A row for each user: two items of which the first was bought."""
    n = len(users)
    return Feedback(
        user=np.array(users, np.int64),
        time=np.full(n, T, np.int64),
        items=np.tile(np.array([7, 8, 0], np.int64), (n, 1)),
        length=np.full(n, 2, np.int64),
        propensities=np.ones((n, 3), np.float32),
        policy=np.full(n, b"popular", "S64"),
        history=np.tile(np.array([4, 5], np.int64), (n, 1)),
        history_length=np.full(n, 1, np.int64),
        rewards=np.tile(np.array([3, 0, 0], np.float32), (n, 1)),
        plain_rewards=np.zeros((n, 0), np.float32),
    )


def write(folder: Path, settings: JobSettings | None) -> list[Path]:
    with beam.Pipeline() as pipeline:
        rows = pipeline | beam.Create([(0, feedback(2, 1)), (1, feedback(3))])
        _ = rows | WriteFeedback(str(folder), bounded=True, settings=settings)
    return sorted(folder.rglob("*.parquet"))


def test_files_carry_the_jobs_settings(tmp_path: Path) -> None:
    files = write(tmp_path, SETTINGS)
    assert len(files) == 2
    for file in files:
        metadata = pq.read_schema(file).metadata
        assert json.loads(metadata[SETTINGS_KEY]) == {"reward_window": 60, "history_size": 20}
    rows = [row for file in files for row in pq.read_table(file).to_pylist()]
    assert [row["user"] for row in rows] == [1, 2, 3]
    assert rows[0] == {
        "user": 1, "time": T, "history": [4], "items": [7, 8], "policy": "popular",
        "propensities": [1.0, 1.0], "explored": [False, False], "rewards": [3.0, 0.0],
    }  # fmt: skip


def test_the_same_rows_are_the_same_files(tmp_path: Path) -> None:
    before = [(path.name, path.read_bytes()) for path in write(tmp_path, SETTINGS)]
    assert before == [(path.name, path.read_bytes()) for path in write(tmp_path, SETTINGS)]


def test_without_settings_there_is_no_key(tmp_path: Path) -> None:
    for file in write(tmp_path, None):
        assert SETTINGS_KEY not in (pq.read_schema(file).metadata or {})


def test_a_streams_file_has_the_rows_of_a_shard_and_a_window(tmp_path: Path) -> None:
    rows = [(0, 1, 5), (0, 2, 19), (0, 3, 20), (1, 4, 6)]
    with beam.Pipeline() as pipeline:
        stamped = (
            pipeline
            | beam.Create([((shard, feedback(user)), T + after) for shard, user, after in rows])
            | beam.MapTuple(TimestampedValue).with_output_types(tuple[int, Feedback])
        )
        for window in (20, 600):
            folder = str(tmp_path / str(window))
            _ = stamped | f"{window}" >> WriteFeedback(folder, bounded=False, window=window)

    def users(window: int) -> list[list[int]]:
        files = (tmp_path / str(window)).rglob("*.parquet")
        return sorted(sorted(pq.read_table(file)["user"].to_pylist()) for file in files)

    assert users(20) == [[1, 2], [3], [4]]
    assert users(600) == [[1, 2, 3], [4]]
