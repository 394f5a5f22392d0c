"""Schema files: every key of the specification, and the refusal of what is wrong."""

from pathlib import Path

import pytest

from sources.errors import SourceError
from sources.schema.load import load_schema, parse_schema, topic_schema
from sources.schema.schema import Behaviors, Fields, IgnoreRule, TimeFormat

FIELDS = '[fields]\nuser = "u"\nitem = "i"\ntime = "t"\n'
WITH_BEHAVIOR = FIELDS + 'behavior = "b"\n'

ALL = """
format = "csv"
delimiter = ";"
header = false
columns = ["u", "i", "day", "ms", "b", "q"]
[fields]
user = "u"
item = "i"
time = ["day", "ms"]
behavior = "b"
[time]
format = ["%Y-%m-%d", "ms"]
zone = "Europe/Berlin"
[ids]
user = "integer"
item = "integer"
[behaviors]
purchase = "buy"
drop = "ignore"
"*" = "pv"
[rewards]
buy = 3
[[ignore]]
field = "q"
below = 0
[[ignore]]
field = "q"
above = 9
[[ignore]]
field = "q"
equals = "x"
[[ignore]]
field = "q"
missing = true
"""


def test_every_key() -> None:
    schema = parse_schema(ALL, "s.toml")
    assert schema.fields == Fields("u", "i", ("day", "ms"), "b")
    assert (schema.format, schema.delimiter, schema.header) == ("csv", ";", False)
    assert schema.columns == ("u", "i", "day", "ms", "b", "q")
    assert schema.time == TimeFormat(("%Y-%m-%d", "ms"), "Europe/Berlin")
    assert schema.behaviors == Behaviors((("purchase", "buy"), ("drop", "ignore")), "pv")
    assert schema.ignore == (
        IgnoreRule("q", "below", 0.0),
        IgnoreRule("q", "above", 9.0),
        IgnoreRule("q", "equals", "x"),
        IgnoreRule("q", "missing", True),
    )
    assert schema.wanted() == ("u", "i", "day", "ms", "b", "q")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a b", "is not TOML"),
        ("fields = 1", r"write \[fields\]"),
        ('[fields]\nuser = "u"\nitem = "i"', "fields.time is missing"),
        (
            FIELDS + "[time]\nformats = 's'",
            "unknown key 'time.formats'; did you mean 'time.format'",
        ),
        ("fromat = 'csv'\n" + FIELDS, "unknown key 'fromat'; did you mean 'format'"),
        (FIELDS + "usr = 'x'", "unknown key 'fields.usr'; did you mean 'fields.user'"),
        (FIELDS + "value = ''", r"a name in \[fields\] is empty"),
        (FIELDS + "event_id = 3", "fields.event_id"),
        ("format = 'xml'\n" + FIELDS, "format = 'xml': give one of csv, jsonl, parquet"),
        ("header = 'no'\n" + FIELDS, "header must be true or false"),
        ("header = false\n" + FIELDS, "needs columns"),
        ("header = true\ncolumns = ['u']\n" + FIELDS, "give header = false"),
        ("delimiter = ''\n" + FIELDS, "delimiter is empty"),
        ("format = 'jsonl'\ndelimiter = ';'\n" + FIELDS, "delimiter has no effect"),
        ("columns = [1]\n" + FIELDS, "a list"),
        (FIELDS + "[time]\nformat = 'iso8601'", "did you mean 'iso'"),
        (FIELDS + "[time]\nformat = ['s', 'ms']", "2 formats for the 1 columns"),
        (FIELDS + "[time]\nzone = 'Mars'", "time.zone 'Mars' is no zone"),
        (FIELDS + "[ids]\nuser = 'uuid'", "give one of integer, text"),
        (FIELDS + "[behaviors]\nx = 'buy'", "no effect without fields.behavior"),
        (WITH_BEHAVIOR + "[behaviors]\nx = 'purchase'", "give one of pv, cart, fav, buy, ignore"),
        (WITH_BEHAVIOR + "[behaviors]\nthresholds = [[1, 'pv'], [2, 'buy']]", "largest number"),
        (WITH_BEHAVIOR + "[behaviors]\nthresholds = [1, 2]", "list of pairs"),
        (WITH_BEHAVIOR + "[behaviors]\nx = 'pv'\nthresholds = [[1, 'pv']]", "instead of words"),
        (FIELDS + "behavior = {constant = 'sale'}", "give one of pv, cart, fav, buy"),
        (FIELDS + "[rewards]\nbuy = -5", "rewards.buy must be a number of at least 0"),
        (FIELDS + "[rewards]\nbuy = true", "rewards.buy must be a number of at least 0"),
        (FIELDS + "[rewards]\nbuy = nan", "rewards.buy must be a number of at least 0"),
        (FIELDS + "[rewards]\nsale = 5", "unknown key 'rewards.sale'"),
        (FIELDS + "[ignore]\nfield = 'q'", r"write \[\[ignore\]\]"),
        (FIELDS + "[[ignore]]\nfield = 'q'", "one of below"),
        (FIELDS + "[[ignore]]\nfield = 'q'\nbelow = 1\nabove = 2", "one of below"),
        (FIELDS + "[[ignore]]\nfield = 'q'\nbelow = 'x'", "must be a number"),
        (FIELDS + "[[ignore]]\nfield = 'q'\nmissing = false", "can only be true"),
        (FIELDS + "[[ignore]]\nfield = 'q'\nbelow = nan", "must be a number"),
        (FIELDS + f"[[ignore]]\nfield = 'q'\nbelow = 1{'0' * 400}", "must be a number"),
        (FIELDS + f"[[ignore]]\nfield = 'q'\nbelow = 1{'0' * 5000}", "is not TOML"),
        (FIELDS + "[behaviors]\nx = " + "[" * 5000, "is not TOML"),
        (WITH_BEHAVIOR + "[behaviors]\nthresholds = [[nan, 'pv']]", "list of pairs"),
        (FIELDS + "[time]\nformat = '%d.%m.%Y %d'", "no strptime pattern: a directive occurs"),
        (FIELDS + "[time]\nformat = '%Y-%'", "no strptime pattern: stray %"),
        (FIELDS + "[time]\nformat = '%Q'", "no strptime pattern: 'Q' is a bad directive"),
        (FIELDS + "[time]\nzone = 'posixrules'", "time.zone 'posixrules' is no zone"),
        (FIELDS.replace('"i"', '"o[].l[].i"').replace('"t"', '"o[].t"'), "of several lists"),
    ],
)
def test_what_is_wrong_is_one_line(text: str, said: str) -> None:
    with pytest.raises(SourceError, match=said) as error:
        parse_schema(text, "shop.toml")
    assert "shop.toml" in str(error.value)
    assert "\n" not in str(error.value).strip()


def test_a_name_that_is_neither_file_nor_preset(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="did you mean 'movielens'"):
        load_schema("movielense")
    with pytest.raises(SourceError, match="is no file"):
        load_schema(str(tmp_path))


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    path.write_text("\ufeff" + FIELDS, encoding="utf-8")
    assert load_schema(str(path)).fields == Fields("u", "i", ("t",))
    path.write_bytes(b"\xff")
    with pytest.raises(SourceError, match="cannot be read"):
        load_schema(str(path))


def test_a_topic_needs_names_for_csv(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    path.write_text("format = 'csv'\n" + FIELDS)
    with pytest.raises(SourceError, match="have no header"):
        topic_schema(str(path))
    path.write_text("format = 'csv'\nheader = false\ncolumns = ['u', 'i']\n" + FIELDS)
    with pytest.raises(SourceError, match="columns has no 't'"):
        topic_schema(str(path))
