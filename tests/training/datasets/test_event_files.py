"""Event files of every kind, and lines that are no events."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sources.parsing.layout import Layout
from sources.parsing.lines import Row, parse_line
from sources.parsing.malformed import Malformed
from tests.training.datasets.prepared import meta, prepare, rows, write
from training.prepare import main
from transforms.messages.events import BEHAVIORS


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


def test_malformed_lines_are_counted_and_left_out(tmp_path):
    log = write(
        tmp_path / "log.csv",
        "user,item,behavior,time",
        "1,2,pv,3",
        "x,2,pv,3",
        "1,2,sold,3",
        "1,2,pv,-1",
        "1,2,pv,253402300800",
        "1,2,pv,20251009",
        "1,2,pv",
        "1,2,pv,3,4",
        "1,,pv,3",
        "1,2.5,pv,3",
        "1,2,buy,4",
    )
    got = prepare(tmp_path / "data", log)
    assert rows(got) == [(1, 2, "pv", 3), (1, 2, "buy", 4)]
    counts = meta(tmp_path / "data")
    assert (counts["rows"], counts["malformed"], counts["duplicates"]) == (11, 9, 0)
    assert counts["labels"] == {"pv": 1, "cart": 0, "fav": 0, "buy": 1}


def test_a_source_without_behaviors_has_page_views(tmp_path):
    log = write(tmp_path / "log.csv", "user,item,time,category", "1,2,3,7")
    got = prepare(tmp_path / "data", log)
    assert (got["label"], got["category"], got["shop"]) == (["pv"], [7], [-1])


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
