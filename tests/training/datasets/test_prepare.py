"""The command from inputs to the folder of a data set."""

from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.training.datasets.prepared import meta, prepare, rows, users_with, write
from training.prepare import main


def test_fingerprint_follows_the_events_and_nothing_else(tmp_path):
    lines = users_with({1: 7, 2: 9})
    one = write(tmp_path / "one.csv", "user,item,label,time", *lines)
    other = write(tmp_path / "other.csv.gz", "user,item,label,time", *reversed(lines), lines[0])
    changed = write(tmp_path / "changed.csv", "user,item,label,time", *lines[:-1], "2,9,buy,8")
    prints = []
    for log in (one, other, changed):
        prepare(tmp_path / log.stem, log)
        prints.append(meta(tmp_path / log.stem)["fingerprint"])
    assert prints[0] == prints[1] != prints[2]


def test_a_feedback_log_gives_back_its_events(tmp_path):
    stream = [(1, 20 + at, "pv", 100 + at) for at in range(14)]
    histories = [[item for _, item, _, time in stream if time < at][-10:] for at in (105, 112, 120)]
    log = pa.table(
        {
            "user": [1, 1, 1],
            "time": [105, 112, 120],
            "history": histories,
            "items": [[25, 90], [33, 91], [92, 93]],
            "policy": ["a", "a", "a"],
            "propensities": [[0.5, 0.5]] * 3,
            "rewards": [[3.0, 0.0], [0.0, 0.0], [1.0, 0.0]],
        }
    )
    pq.write_table(log, tmp_path / "feedback.parquet")
    got = rows(prepare(tmp_path / "data", tmp_path / "feedback.parquet"))
    assert [item for _, item, _, _ in got] == [*range(20, 34), 92]
    assert [item for _, item, label, _ in got if label != "pv"] == [25]
    assert Counter(label for _, _, label, _ in got)["buy"] == 1
    times = [time for *_, time in got]
    assert times == sorted(times)
    assert times[4] < 105 <= times[5]
    kept = pq.read_table(tmp_path / "data/feedback.parquet")
    assert kept.column_names == log.column_names
    assert kept.num_rows == 3
    events = write(tmp_path / "events.csv", "user,item,time", *(f"1,{at},{at}" for at in (5, 6)))
    both = prepare(tmp_path / "both", events, tmp_path / "feedback.parquet")
    assert [item for _, item, _, _ in rows(both)] == [5, 6]
    assert pq.read_table(tmp_path / "both/feedback.parquet").num_rows == 3


@pytest.mark.parametrize(
    ("lines", "arguments", "message"),
    [
        (("1,2,pv,3",), (), "has no header"),
        (("user,thing,time", "1,2,3"), (), "no column 'item'"),
        (("user,item,time,shop,shop", "1,2,3,4,5"), (), "two columns of one name"),
        (("user,item,time", "1,2,3"), ("--sample_users",), "no user has a number of events"),
        (("user,item,time", "1,2,3"), ("--short_min", "x"), "--short_min"),
        (("user,item,time", "1,2,3"), ("--age_buckets", "30,20"), "not ascending"),
        (("user,item,time", "1,2,3"), ("--reward_window", "60"), "there is none"),
    ],
)
def test_a_bad_input_is_one_clear_line(tmp_path, capsys, lines, arguments, message):
    log = write(tmp_path / "log.csv", *lines)
    with pytest.raises(SystemExit) as left:
        main(["--input", str(log), "--output", str(tmp_path / "data"), *arguments])
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not list((tmp_path / "data").glob("*")) if (tmp_path / "data").exists() else True


def test_what_prepare_wrote_is_no_input_of_the_same_folder(tmp_path):
    write(tmp_path / "log.csv", "user,item,time", "1,2,3", "1,4,5")
    prepare(tmp_path, tmp_path)
    first = meta(tmp_path)
    prepare(tmp_path, tmp_path)
    assert meta(tmp_path) == first


def test_an_output_with_a_quote_in_its_name(tmp_path):
    log = write(tmp_path / "log.csv", "user,item,time", "1,2,3")
    assert rows(prepare(tmp_path / "bob's data", log)) == [(1, 2, "pv", 3)]
