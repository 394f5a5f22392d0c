"""`pipelines.inspect`: what it prints is a schema that reads the file."""

import gzip
import json
import tomllib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import inspect
from sources.schema import propose, sample
from sources.schema.explain import explain
from sources.schema.guess_times import guess_format
from sources.schema.load import load_schema
from sources.schema.schema import Schema

T = 1_760_000_000


def proposed(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[dict, str, int]:
    status = inspect.main([str(path)])
    printed = capsys.readouterr().out
    (path.parent / "shop.toml").write_text(printed)
    return tomllib.loads(printed), printed, status


def test_csv(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.csv.gz"
    text = "visitorid;event;itemid;timestamp\n"
    text += f"1;view;2;{T}000\n1;addtocart;2;{T}000\n1;transaction;2;{T}000\nx;view;2;{T}000\n" * 9
    path.write_bytes(gzip.compress(text.encode()))
    found, printed, status = proposed(path, capsys)
    assert status == 0
    assert found == {
        "format": "csv",
        "delimiter": ";",
        "fields": {
            "user": "visitorid", "item": "itemid", "time": "timestamp", "behavior": "event",
        },
        "time": {"format": "ms"},
        "ids": {"user": "text", "item": "integer"},
        "behaviors": {"view": "pv", "addtocart": "cart", "transaction": "buy"},
    }  # fmt: skip
    assert "36 are events, 0 malformed and 0 ignored" in printed
    assert "2025-10-09T08:53:20Z" in printed
    assert "pv 18, cart 9, buy 9" in printed


def test_a_saved_proposal_is_a_schema(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"1,22,{T},3\n2,23,{T + 1},4\n")
    found, _, status = proposed(path, capsys)
    assert (found["header"], len(found["columns"]), status) == (False, 4, 0)
    schema = load_schema(str(tmp_path / "shop.toml"))
    assert schema.fields.time == ("column_3",)
    assert inspect.main([str(path), "--schema", str(tmp_path / "shop.toml")]) == 0
    assert "2 are events" in capsys.readouterr().out


def test_json_lines_and_parquet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = {"userId": 1, "event": "Product Viewed", "properties": {"product_id": 2}}
    rows = [{**row, "timestamp": "2025-10-09T08:53:20.5Z"}] * 3
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in rows))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    for name in ("a.jsonl", "a.parquet"):
        found, printed, status = proposed(tmp_path / name, capsys)
        assert status == 0
        assert found["fields"]["item"] == "properties.product_id"
        assert found["time"] == {"format": "iso"}
        assert "3 are events" in printed


REFUSED = {
    b"PAR1 and no more": "cannot be read",
    b",item,time\n1,2,1760000000\n": "no column looks like an event's user",
    b"a\nb\n": "no column looks like an event's user or item or time",
}


@pytest.mark.parametrize("content", REFUSED)
def test_what_to_do_where_nothing_is_proposed(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(SystemExit):
        inspect.main([str(tmp_path / "a")])
    assert REFUSED[content] in capsys.readouterr().err


def test_names_and_words_that_toml_has_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.jsonl"
    half = r'{"user": 1, "item": 2, "time": 1760000000, "event": "\udfff"}'
    whole = '{"user": 1, "item": 2, "time": 1760000000, "event": "a\x7f"}'
    path.write_text(f"{half}\n{whole}\n")
    found, printed, _ = proposed(path, capsys)
    assert found["behaviors"] == {"a\x7f": "ignore"}
    assert "1 malformed and 1 ignored" in printed


def test_times_of_parquet_that_python_has_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.parquet"
    ids = {"user": [1, 1], "item": [2, 2]}
    for kind, far in ((pa.timestamp("ms"), 10**18), (pa.timestamp("ms", "No/Zone"), 10**18)):
        times = pa.array([T * 1000, far], pa.int64()).cast(kind)
        pq.write_table(pa.table({**ids, "time": times}), path)
        _, printed, _ = proposed(path, capsys)
        assert "1 are events, 1 malformed" in printed
        assert f"time is '{far}'" in printed


def test_two_columns_of_parquet_with_one_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = [pa.array([1]), pa.array([2]), pa.array([2]), pa.array([T])]
    table = pa.Table.from_arrays(columns, ["user", "item", "item", "time"])
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(SystemExit):
        inspect.main([str(tmp_path / "a.parquet")])
    assert "has two columns 'item': rename one" in capsys.readouterr().err


def test_days_and_months_that_may_be_either(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for days, form, told in (
        (("10/09/2025", "10/10/2025"), "%m/%d/%Y", True),
        (("10/09/25", "13/10/25"), "%d/%m/%y", False),
    ):
        path = tmp_path / "a.csv"
        path.write_text("".join(["user,item,date\n", *(f"1,2,{day}\n" for day in days)]))
        found, printed, _ = proposed(path, capsys)
        assert found["time"] == {"format": form}
        assert ("look which of the two is right" in printed) is told


def test_returns_with_a_fraction(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"user,item,time,quantity\n1,2,{T},-1.0\n1,3,{T},2.0\n")
    _, printed, _ = proposed(path, capsys)
    assert "1 are events, 0 malformed and 1 ignored" in printed


def test_a_time_without_a_name_is_looked_for_in_few_values(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tried: list[int] = []

    def counted(values: list[str]) -> str:
        tried.append(len(values))
        return guess_format(values)

    monkeypatch.setattr(propose, "guess_format", counted)
    (tmp_path / "a.csv").write_text("user,item,x,y\n" + f"1,2,a,{T}\n" * 1_000)
    found, _, _ = proposed(tmp_path / "a.csv", capsys)
    assert found["fields"]["time"] == "y"
    # Two columns by their values, and the one that is taken for its format.
    assert tried[-1] == 1_000
    assert max(tried[:-1]) <= 50


TIMES = {
    "eventdate;timeframe\n2025-10-09;32000999\n2025-10-10;999": (["iso", "ms"], "20"),
    "eventdate;time\n2025-10-09;8:53\n2025-10-10;0:01": (["iso", "%H:%M"], "00"),
    "date;clock\n9.10.2025;08:53:20\n10.10.2025;00:01:00": (["%d.%m.%Y", "%H:%M:%S"], "20"),
    "date;seconds\n2025-10-09;32000\n2025-10-10;59": (["iso", "s"], "20"),
    # A duration is no time of the day, and a time of the day alone no time.
    "date;seconds\n2025-10-09;86400001\n2025-10-10;59": ("iso", None),
    "date;duration\n2025-10-09;32000\n2025-10-10;59": ("iso", None),
}


@pytest.mark.parametrize("columns", TIMES)
def test_dates_and_times_of_the_day(
    columns: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    form, second = TIMES[columns]
    path = tmp_path / "a.csv"
    head, *rows = columns.splitlines()
    # Most sessions have no user.
    text = f"sessionId;userId;itemId;{head}\n" + "".join(
        f"{at};{'7' if at == 3 else 'NA'};2;{row}\n" for at, row in enumerate(rows * 9)
    )
    path.write_text(text)
    found, printed, status = proposed(path, capsys)
    assert (found["time"]["format"], status) == (form, 0)
    assert found["fields"]["user"] == "sessionId"
    names = head.split(";")
    assert found["fields"]["time"] == (names[0] if second is None else names)
    if second is not None:
        assert f"  0, 2, pv, 2025-10-09T08:53:{second}Z" in printed
    assert "18 are events, 0 malformed" in printed


def test_a_log_of_orders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.csv"
    head = "InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID\n"
    path.write_text(
        head + "5,85123A,6,10/9/25 8:53,2.55,17\n6,84029,1,10/9/25 8:54,1,18\n"
        "C7,84029,-1,10/13/25 8:54,1,18\n"
    )
    found, printed, status = proposed(path, capsys)
    assert found["fields"] == {
        "user": "CustomerID", "item": "StockCode", "time": "InvoiceDate",
        "behavior": {"constant": "buy"},
    }  # fmt: skip
    assert found["ignore"] == [{"field": "Quantity", "below": 0}]
    assert (found["time"], status) == ({"format": "%m/%d/%y %H:%M"}, 0)
    assert '# No column looks like a behavior. The column "InvoiceNo" looks like' in printed
    assert "every event is read as buy" in printed
    assert "2 are events, 0 malformed and 1 ignored" in printed
    # Without returns there is no rule.
    path.write_text(head + "5,85123A,6,10/9/25 8:53,2.55,17\n")
    assert "ignore" not in proposed(path, capsys)[0]


@pytest.mark.parametrize(
    ("clocks", "form", "last"),
    [
        (("8:53", "8:53:10"), "clock", "2025-10-09T08:53:10Z"),
        (("8:53 AM", "8:53 PM"), "clock", "2025-10-09T20:53:00Z"),
        (("8:53", "10:53"), "%H:%M", "2025-10-09T10:53:00Z"),
    ],
)
def test_dates_without_separators_and_clocks(
    clocks: tuple[str, str], form: str, last: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    path = tmp_path / "a.csv"
    rows = "".join(f"1,2,20251009,{clock}\n" for clock in clocks)
    path.write_text("user,item,date,hour\n" + rows)
    found, printed, status = proposed(path, capsys)
    assert found["fields"]["time"] == ["date", "hour"]
    assert (found["time"], status) == ({"format": ["%Y%m%d", form]}, 0)
    assert f"Time range: 2025-10-09T08:53:00Z to {last}." in printed


def test_views_are_assumed_aloud(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"user,item,time\n1,2,{T}\n")
    found, printed, _ = proposed(path, capsys)
    assert "behavior" not in found["fields"]
    assert "# No column looks like a behavior: every row is read as a view (pv)" in printed
    assert "every event is read as pv" in printed


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.csv", None, "no such file"),
        ("empty.csv", "", "is empty: there is nothing to look at"),
    ],
)
def test_what_cannot_be_looked_at(
    name: str, content: str | None, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(SystemExit) as ended:
        inspect.main([str(tmp_path / name)])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_nothing_that_is_an_event_is_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("user,item,time\na,b,c\n")
    _, _, status = proposed(path, capsys)
    assert status == 1


def test_of_each_reason_one_row_is_explained(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []

    def counted(reason: str, values: dict[str, str], schema: Schema) -> str:
        told.append(reason)
        return explain(reason, values, schema)

    monkeypatch.setattr(sample, "explain", counted)
    path = tmp_path / "a.csv"
    path.write_text("user,item,time\n" + f"1,2,{T}\na,2,{T}\n1,2,20251009\n" * 50)
    (tmp_path / "shop.toml").write_text('[fields]\nuser = "user"\nitem = "item"\ntime = "time"\n')
    inspect.main([str(path), f"--schema={tmp_path}/shop.toml"])
    printed = capsys.readouterr().out
    assert sorted(told) == ["not a number", "time out of range"]
    assert "50 time out of range: time is '20251009'; looks like a date" in printed
