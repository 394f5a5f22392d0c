"""What filters leave out, and what the summary says about it."""

from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.training.datasets.prepared import meta, prepare, users_with, write
from training.prepare import main


def test_a_sample_keeps_users_by_number_of_events(tmp_path):
    log = write(
        tmp_path / "log.csv",
        "user,item,label,time",
        *users_with({1: 5, 2: 6, 3: 50, 4: 51, 5: 200, 6: 201}),
        *users_with({1: 5}),  # repeated events count once
    )
    got = prepare(tmp_path / "data", log, "--sample_users")
    assert sorted(set(got["user"])) == [2, 3, 4, 5]
    assert sorted(set(prepare(tmp_path / "all", log)["user"])) == [1, 2, 3, 4, 5, 6]
    assert meta(tmp_path / "data")["duplicates"] == 5


def test_the_sample_is_seeded_and_of_the_size_asked_for(tmp_path):
    counts = dict.fromkeys(range(200), 6) | dict.fromkeys(range(200, 250), 60)
    log = write(tmp_path / "log.csv", "user,item,label,time", *users_with(counts))

    def kept(seed: int) -> set[int]:
        sizes = ("--sample_users", "--short_users", "40", "--long_users", "10", "--seed", str(seed))
        return set(prepare(tmp_path / f"data{seed}", log, *sizes)["user"])

    one = kept(1)
    assert (len([user for user in one if user < 200]), len(one)) == (40, 50)
    assert kept(1) == one
    assert kept(2) != one


def test_everybody_is_kept_by_default_and_what_a_sample_leaves_out_is_said(tmp_path, capsys):
    log = write(tmp_path / "log.csv", "user,item,label,time", *users_with({1: 5, 2: 9, 3: 300}))
    prepare(tmp_path / "all", log)
    assert meta(tmp_path / "all")["left_out"] == {"filters": []}
    assert "left out" not in capsys.readouterr().out
    prepare(tmp_path / "some", log, "--sample_users")
    assert meta(tmp_path / "some")["left_out"]["filters"] == [
        {"filter": "--sample_users", "events": 305, "users": 2, "items": 291}
    ]
    said = " ".join(capsys.readouterr().out.split())
    assert "left out by --sample_users │ 305 events (97%), 2 users, 291 items" in said


def test_lists_of_users_who_are_left_out_are_counted(tmp_path, capsys):
    events = write(tmp_path / "log.csv", "user,item,label,time", *users_with({1: 8, 2: 300}))
    lists = pa.table(
        {
            "user": [1, 2, 2],
            "time": [3, 4, 5],
            "history": [[1]] * 3,
            "items": [[2]] * 3,
            "propensities": [[1.0]] * 3,
            "rewards": [[0.0]] * 3,
        }
    )
    pq.write_table(lists, tmp_path / "feedback.parquet")
    prepare(tmp_path / "data", events, tmp_path / "feedback.parquet", "--sample_users")
    left_out = meta(tmp_path / "data")["left_out"]
    assert (left_out["filters"][0]["events"], left_out["lists"]) == (300, 2)
    assert "2 recommendations" in " ".join(capsys.readouterr().out.split())


def test_options_of_a_sample_need_a_sample(tmp_path, capsys):
    log = write(tmp_path / "log.csv", "user,item,time", "1,2,3")
    with pytest.raises(SystemExit):
        main(["--input", str(log), "--output", str(tmp_path / "data"), "--short_min", "2"])
    assert "--sample_users" in capsys.readouterr().err


def test_each_filter_says_what_it_costs(tmp_path, capsys):
    # User 1 has 2 events, user 2 has 5, user 3 has 9; item 9 has one event, item 1 three.
    log = write(tmp_path / "log.csv", "user,item,label,time", *users_with({1: 2, 2: 5, 3: 9}))
    flags = ("--min_item_events", "2", "--min_user_events", "3", "--max_user_events", "4")
    with pytest.raises(SystemExit):
        main(["--input", str(log), "--output", str(tmp_path / "none"), *flags])
    assert "--max_user_events 4; without these options" in capsys.readouterr().err
    got = prepare(tmp_path / "data", log, *flags[:4])
    assert Counter(got["user"]) == {2: 5, 3: 5}
    assert meta(tmp_path / "data")["left_out"]["filters"] == [
        {"filter": "--min_item_events 2", "events": 4, "users": 0, "items": 4},
        {"filter": "--min_user_events 3", "events": 2, "users": 1, "items": 0},
    ]
    said = " ".join(capsys.readouterr().out.split())
    assert "left out by --min_user_events 3 │ 2 events (12%), 1 users, 0 items" in said
    with pytest.raises(SystemExit):
        prepare(tmp_path / "data", log, *flags[2:4], "--max_user_events", "2")
    assert "leave no user" in capsys.readouterr().err
