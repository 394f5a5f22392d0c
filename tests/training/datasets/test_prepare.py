import gzip
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sources.parsing.layout import Layout
from sources.parsing.lines import Row, parse_line
from sources.parsing.malformed import Malformed
from training.prepare import main
from transforms.messages.events import BEHAVIORS

HEADER = "user,item,label,time,sex,age,pur_power,category,shop,brand"


def prepare(output: Path, *arguments: str | Path) -> dict[str, list]:
    assert main(["--output", str(output), "--input", *map(str, arguments)]) == 0
    return pq.read_table(output / "events.parquet").to_pydict()


def rows(columns: dict[str, list]) -> list[tuple]:
    return list(zip(*(columns[name] for name in ("user", "item", "label", "time")), strict=True))


def meta(output: Path) -> dict:
    return json.loads((output / "meta.json").read_text())


def write(path: Path, *lines: str) -> Path:
    text = "".join(f"{line}\n" for line in lines)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def users_with(counts: dict[int, int]) -> list[str]:
    return [f"{user},{at + 1},pv,{at}" for user, count in counts.items() for at in range(count)]


def test_tianchis_three_files_are_joined(tmp_path):
    write(tmp_path / "user.csv", "1,0,17,3", "2,1,35,5", "9,1,70,5")
    write(tmp_path / "item.csv", "10,100,7,8", "11,101,70,80")
    write(
        tmp_path / "user_behavior.csv", "2,10,buy,50", "1,11,pv,20", "1,10,cart,10", "1,12,fav,20"
    )
    prepare(tmp_path / "data", tmp_path / "*.csv")
    assert (tmp_path / "data/tianchi.csv").read_text().split() == [
        HEADER,
        "1,10,cart,10,0,0,3,100,7,8",
        "1,11,pv,20,0,0,3,101,70,80",
        "1,12,fav,20,0,0,3,-1,-1,-1",
        "2,10,buy,50,1,4,5,100,7,8",
    ]


def test_age_buckets_begin_at_their_ages(tmp_path):
    write(tmp_path / "user.csv", *(f"{at},1,{age},1" for at, age in enumerate((19, 20, 29, 30))))
    write(tmp_path / "user_behavior.csv", *(f"{user},1,pv,1" for user in range(5)))
    got = prepare(tmp_path / "data", tmp_path, "--age_buckets", "20,30")
    assert got["age"] == [0, 1, 1, 2, -1]


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


@pytest.mark.parametrize("kind", ["header", "synonyms", "headerless", "gz", "parquet"])
def test_every_kind_of_event_file_gives_the_same(tmp_path, kind):
    random = np.random.default_rng(5)
    table = random.integers(0, 4, (400, 4))
    labels = np.array(["pv", "cart", "fav", "buy"])
    events = [(int(u), int(i), str(labels[b]), int(t)) for u, i, b, t in table]
    lines = [",".join(map(str, event)) for event in events]
    arguments: tuple[str, ...] = ()
    if kind == "header":
        log = write(tmp_path / "log.csv", "user,item,behavior,time", *lines)
    elif kind == "synonyms":
        lines = [f"{t},x{u},{i},{u},{b}" for u, i, b, t in events]
        log = write(tmp_path / "log.csv", "timestamp,other,item_id,user_id,label", *lines)
    elif kind == "headerless":
        log = write(tmp_path / "log.csv", *lines)
        arguments += ("--columns", "user,item,behavior,time")
    elif kind == "gz":
        log = write(tmp_path / "log.csv.gz", "user,item,behavior,time", *lines)
    else:
        log = tmp_path / "log.parquet"
        columns = zip(*events, strict=True)
        names = ("user", "item", "behavior", "time")
        pq.write_table(pa.table(dict(zip(names, map(list, columns), strict=True))), log)
    got = prepare(tmp_path / "data", log, *arguments)
    codes = {name: code for code, name in enumerate(labels)}
    expected = sorted(set(events), key=lambda e: (e[0], e[3], e[1], codes[e[2]]))
    assert rows(got) == expected
    assert meta(tmp_path / "data")["duplicates"] == len(events) - len(expected)


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


def test_malformed_lines_are_counted_and_left_out(tmp_path):
    log = write(
        tmp_path / "log.csv",
        "user,item,behavior,time",
        "1,2,pv,3",
        "x,2,pv,3",
        "1,2,sold,3",
        "1,2,pv,-1",
        "1,2,pv,253402300800",
        "1,2,pv",
        "1,2,pv,3,4",
        "1,,pv,3",
        "1,2.5,pv,3",
        "1,2,buy,4",
    )
    got = prepare(tmp_path / "data", log)
    assert rows(got) == [(1, 2, "pv", 3), (1, 2, "buy", 4)]
    counts = meta(tmp_path / "data")
    assert (counts["rows"], counts["malformed"], counts["duplicates"]) == (10, 8, 0)
    assert counts["labels"] == {"pv": 1, "cart": 0, "fav": 0, "buy": 1}


def test_a_source_without_behaviors_has_page_views(tmp_path):
    log = write(tmp_path / "log.csv", "user,item,time,category", "1,2,3,7")
    got = prepare(tmp_path / "data", log)
    assert (got["label"], got["category"], got["shop"]) == (["pv"], [7], [-1])


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


ODD = [
    *("7", " 7", "7\t", "+7", "-7", "1e3", "0x1F", "1_0", "7.0", "", "-", "--7", "007", " ", "٣"),
    *("9223372036854775807", "9223372036854775808", "seven", "nan", '"7"', '"7', '"7,8"', "7,8"),
]
LABELS = ["pv", " pv", "fav\t", "PV", "", "click", '"buy"', '"pv,"']


@pytest.mark.parametrize("headerless", [False, True])
def test_a_line_means_what_it_means_in_the_stream(tmp_path, headerless):
    names = ("user", "item", "title", "behavior", "time")
    lines = [f"{odd},2,x,pv,3" for odd in ODD] + [f"1,{odd},x,pv,3" for odd in ODD]
    lines += [f"1,2,x,pv,{odd}" for odd in ODD] + [f"4,5,x,{label},6" for label in LABELS]
    lines += [f"7,8,{odd},pv,9" for odd in ODD] + ["1,2,3", "1,2,3,4,5,6", ",,,,"]
    header = [] if headerless else [",".join(names)]
    log = write(tmp_path / "log.csv", *header, "99,99,x,pv,99", *lines)
    more = ("--columns", ",".join(names)) if headerless else ()
    got = prepare(tmp_path / "data", log, *more)
    parsed = [parse_line(line.encode(), Layout.of(names, "here")) for line in lines]
    events = {(r.user, r.item, BEHAVIORS[r.behavior], r.time) for r in parsed if isinstance(r, Row)}
    assert set(rows(got)) == events | {(99, 99, "pv", 99)}
    found = meta(tmp_path / "data")
    assert found["rows"] == len(lines) + 1
    assert found["malformed"] == sum(isinstance(each, Malformed) for each in parsed)


def test_everybody_is_kept_by_default_and_what_a_sample_leaves_out_is_said(tmp_path, capsys):
    log = write(tmp_path / "log.csv", "user,item,label,time", *users_with({1: 5, 2: 9, 3: 300}))
    prepare(tmp_path / "all", log)
    assert meta(tmp_path / "all")["left_out"] == {"users": 0, "events": 0}
    assert "left out" not in capsys.readouterr().out
    prepare(tmp_path / "some", log, "--sample_users")
    assert meta(tmp_path / "some")["left_out"] == {"users": 2, "events": 305}
    said = " ".join(capsys.readouterr().out.split())
    assert "2 users, 305 events (97%)" in said


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
    assert meta(tmp_path / "data")["left_out"] == {"users": 1, "events": 300, "lists": 2}
    assert "2 recommendations" in " ".join(capsys.readouterr().out.split())


def test_options_of_a_sample_need_a_sample(tmp_path, capsys):
    log = write(tmp_path / "log.csv", "user,item,time", "1,2,3")
    with pytest.raises(SystemExit):
        main(["--input", str(log), "--output", str(tmp_path / "data"), "--short_min", "2"])
    assert "--sample_users" in capsys.readouterr().err


def test_wholly_malformed_input_says_what_is_wrong_with_it(tmp_path, capsys):
    log = write(
        tmp_path / "log.csv", "user,item,behavior,time", "1,2,sold,3", "1,x,sold,3", "1,2,pv"
    )
    for arguments in ((), ("--sample_users",)):
        with pytest.raises(SystemExit) as left:
            main(["--input", str(log), "--output", str(tmp_path / "data"), *arguments])
        assert left.value.code == 2
        said = capsys.readouterr().err
        assert "none of 3 lines is an event" in said
        assert "no valid label: 2" in said
        assert "no valid item: 1" in said
        assert "wrong number of fields, or not UTF-8: 1" in said
        assert "--short_min" not in said
        assert said.count("\n") == 1


def test_what_prepare_wrote_is_no_input_of_the_same_folder(tmp_path):
    write(tmp_path / "log.csv", "user,item,time", "1,2,3", "1,4,5")
    prepare(tmp_path, tmp_path)
    first = meta(tmp_path)
    prepare(tmp_path, tmp_path)
    assert meta(tmp_path) == first


def test_an_output_with_a_quote_in_its_name(tmp_path):
    log = write(tmp_path / "log.csv", "user,item,time", "1,2,3")
    assert rows(prepare(tmp_path / "bob's data", log)) == [(1, 2, "pv", 3)]
