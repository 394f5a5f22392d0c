"""`training.prepare` on feedback logs: settings of the job, runs, negative ids, broken rows."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from training.datasets.loading import load_sequences
from training.datasets.shown_lists import load_lists
from training.prepare import main

Row = tuple[int, int, list[int], list[int], list[float]]
"""user, time, history, items, rewards."""


def rows_of(sign: int = 1, users: int = 3, lists: int = 12) -> list[Row]:
    """Lists to users who go through items 1, 2 and so on, one each 10 s, with two taken each."""
    rows = []
    for user in range(1, users + 1):
        for at in range(lists):
            history = [sign * (user + step) for step in range(max(0, at - 4), at + 1)]
            items = [sign * (user + at + 1), sign * 90, sign * (user + at + 2)]
            rows.append((user, at * 10 + 5, history, items, [1.0, 0.0, 2.0]))
    return rows


def write_log(path: Path, rows: list[Row], **settings: object) -> Path:
    names = ("user", "time", "history", "items", "rewards")
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    table = pa.table(columns | {"propensities": [[1.0] * len(row[3]) for row in rows]})
    if settings:
        table = table.replace_schema_metadata({"rivulet": json.dumps(settings)})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    return path


def prepared(output: Path, *arguments: str | Path) -> dict:
    assert main(["--output", str(output), "--input", *map(str, arguments)]) == 0
    return json.loads((output / "meta.json").read_text())


def refused(capsys: pytest.CaptureFixture[str], output: Path, *arguments: str | Path) -> str:
    with pytest.raises(SystemExit) as left:
        prepared(output, *arguments)
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert not (output / "meta.json").exists()
    return said


def test_the_jobs_settings_travel_with_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write_log(tmp_path / "log.parquet", rows_of(), reward_window=3600, history_size=20)
    meta = prepared(tmp_path / "data", log)
    assert meta["log"]["reward_window"] == 3600
    assert meta["log"]["history_size"] == 20
    assert "3600 s" in capsys.readouterr().out
    again = prepared(tmp_path / "again", tmp_path / "data" / "feedback.parquet")
    assert again["log"] == meta["log"]


def test_a_reward_window_that_is_assumed_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write_log(tmp_path / "log.parquet", rows_of())
    assert prepared(tmp_path / "data", log)["log"]["reward_window"] == 600
    assert "assumed" in capsys.readouterr().out
    meta = prepared(tmp_path / "told", log, "--reward_window", "60")
    assert meta["log"]["reward_window"] == 60
    assert "assumed" not in capsys.readouterr().out


def test_windows_that_contradict_each_other_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = write_log(tmp_path / "one.parquet", rows_of(), reward_window=60)
    two = write_log(tmp_path / "two.parquet", rows_of(), reward_window=90)
    said = refused(capsys, tmp_path / "data", one, two)
    assert "60 s" in said
    assert "90 s" in said
    assert "--reward_window 600" in refused(capsys, tmp_path / "data", one, "--reward_window=600")
    bad = write_log(tmp_path / "bad.parquet", rows_of(), reward_window=-5)
    assert "reward_window is -5" in refused(capsys, tmp_path / "data", bad)
    text = write_log(tmp_path / "text.parquet", rows_of(), reward_window="60'")
    assert "reward_window is" in refused(capsys, tmp_path / "data", text)


def test_the_runs_of_a_job_are_read_from_their_folders(tmp_path: Path) -> None:
    rows = rows_of()
    write_log(tmp_path / "log/run-1/a.parquet", rows[:18], reward_window=600)
    write_log(tmp_path / "log/run-2/b.parquet", rows[18:], reward_window=600)
    (tmp_path / "log/run-2/.hidden.parquet").write_text("being written")
    together = write_log(tmp_path / "all.parquet", rows, reward_window=600)
    assert prepared(tmp_path / "one", tmp_path / "log") | {"inputs": 0} == prepared(
        tmp_path / "two", together
    ) | {"inputs": 0}


def test_ids_below_0_give_the_same_numbers(tmp_path: Path) -> None:
    found = []
    for name, sign in (("up", 1), ("down", -1)):
        log = write_log(tmp_path / f"{name}.parquet", rows_of(sign), reward_window=20)
        meta = prepared(tmp_path / name, log)
        data = load_sequences(tmp_path / name)
        lists, valid = load_lists(tmp_path / name, data)
        raw = np.append(data.items.ids, 0)
        histories = sorted(
            sorted(abs(raw[row[:length]]).tolist())
            for row, length in zip(lists.histories, lists.lengths, strict=True)
        )
        counts = [meta[each] for each in ("rows", "events", "users", "items", "duplicates")]
        found.append((counts, histories, lists.rewards.sum(), len(valid), lists.lengths.sum()))
    assert found[0] == found[1]
    assert found[0][-1] > 0
    # Histories have three to five items that overlap, and each user goes through 12 and more.
    assert found[0][0][1] >= 3 * 12


def test_a_history_of_0_is_an_item_of_id_0(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.parquet", [(1, 50, [0, 3, 0], [3], [0.0])], reward_window=600)
    assert prepared(tmp_path / "data", log)["events"] == 3


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((1, 50, [1], [2], [float("nan")]), "finite number"),
        ((1, 50, [1], [2], [float("inf")]), "finite number"),
        ((1, 50, [1], [2], [-1.0]), "finite number"),
        ((1, 50, [1], [2, 3], [1.0]), "equally many"),
        ((1, -50, [1], [2], [1.0]), "1970 to 9999"),
        ((1, 50, [None], [2], [1.0]), "empty value"),
        ((1, 50, None, [2], [1.0]), "empty field"),
        ((1, 50, list(range(2_000)), [2], [1.0]), "--most_items"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(
    row: Row, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write_log(tmp_path / "log.parquet", [*rows_of(), row], reward_window=600)
    said = refused(capsys, tmp_path / "data", log)
    assert message in said
    assert "user 1" in said
