"""Categories, integers and texts, from events, schemas, catalogues and side tables."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.datasets.prepared import meta, prepare, write
from training.datasets.categories import levels_of
from training.datasets.loading import load_sequences
from training.datasets.side_features import load_side_features

SCHEMA = """
[fields]
user = "who"
item = "what"
time = "when"
category = "kind"
"""


def by_item(columns: dict[str, list]) -> dict[object, object]:
    found: dict[object, set] = {}
    for item, category in zip(columns["item"], columns["category"], strict=True):
        found.setdefault(item, set()).add(category)
    assert all(len(each) == 1 for each in found.values())
    return {item: each.pop() for item, each in found.items()}


def test_texts_of_events_and_of_the_catalogue(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ("1,10,tv.led,1", "1,11,,2", "1,12,tv.oled,3", "2,13,7,4", "2,14,-1,5", "2,11,,6")
    log = write(tmp_path / "log.csv", "user,item,category,time", *lines, f"2,15,{'x' * 257},7")
    own = {10: "tv.led", 11: "", 12: "tv.oled", 13: "7", 14: "", 15: ""}
    assert by_item(prepare(tmp_path / "data", log)) == own
    said = " ".join(capsys.readouterr().out.split())
    assert "items with a category │ 3 of 6 (3 categories)" in said
    items = write(tmp_path / "items.csv", "item,category", "10,radio", "11, shoes > men ", "99,x")
    both = by_item(prepare(tmp_path / "both", log, "--items", tmp_path / "items.csv"))
    assert both == own | {10: "radio", 11: "shoes > men"}
    assert items.exists()
    # Of the most frequent ones, ties by the text.
    few = prepare(tmp_path / "few", log, "--most_categories", "2")
    assert by_item(few) == own | {12: ""}
    counts = meta(tmp_path / "few")["categories"]
    assert counts == {
        "is_text": True, "count": 2, "dropped": 1, "items": 2, "items_dropped": 1
    }  # fmt: skip
    assert "--most_categories" in capsys.readouterr().out
    # A side table is asked last; integers stay integers.
    write(tmp_path / "item.csv", "10,5,1,1", "11,6,1,1")
    write(tmp_path / "user_behavior.csv", "1,10,pv,1", "1,11,pv,2", "1,12,pv,3")
    write(tmp_path / "more.csv", "user,item,category,time", "1,10,030,9", "1,10,2,1")
    names = ("item.csv", "user_behavior.csv", "more.csv")
    got = prepare(tmp_path / "plain", *(tmp_path / name for name in names))
    assert (got["category"], got["shop"]) == ([2, 6, -1, 30], [1, 1, -1, 1])


@pytest.mark.parametrize("text_ids", [False, True])
def test_a_schema_names_the_category(tmp_path: Path, text_ids: bool) -> None:
    write(
        tmp_path / "log.jsonl",
        '{"who": 1, "what": 10, "when": 1, "kind": "a/b"}',
        '{"who": 1, "what": 11, "when": 2}',
        '{"who": 2, "what": 12, "when": 3, "kind": 4}',
        '{"who": "x\\ty", "what": 13, "when": 3, "kind": "b"}',
    )
    kinds = '[ids]\nuser = "text"\nitem = "text"\n' if text_ids else ""
    schema = write(tmp_path / "shop.toml", SCHEMA + kinds)
    items = write(tmp_path / "items.csv", "item,category", "12,tv")
    flags = ("--schema", schema, "--items", items)
    got = by_item(prepare(tmp_path / "data", tmp_path / "log.jsonl", *flags))
    assert got == (
        {"10": "a/b", "11": "", "12": "tv"} if text_ids else {10: "a/b", 11: "", 12: "tv"}
    )
    assert meta(tmp_path / "data")["malformed"] == 1


PRODUCT = "contexts_com_snowplowanalytics_snowplow_ecommerce_product_1"
ACTION = "unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1"
STAMP = "2025-10-09T08:53:20Z"
GA4 = {"user_pseudo_id": "u", "event_timestamp": 1_760_000_000_000_000, "event_name": "view_item"}
OF_PRESETS = {
    "yoochoose": (f"1,{STAMP},10,S\n1,{STAMP},11,0\n", {10: "S", 11: "0"}),
    "segment": (
        {"userId": "u", "event": "Product Viewed", "timestamp": STAMP,
         "properties": {"product_id": "a", "category": "Games"}},
        {"a": "Games"},
    ),
    "ga4": (
        GA4 | {"items": [{"item_id": "a", "item_category": "Games"}, {"item_id": "b"}]},
        {"a": "Games", "b": ""},
    ),
    "snowplow": (
        {"domain_userid": "u", "derived_tstamp": STAMP, ACTION: {"type": "product_view"},
         PRODUCT: [{"id": "a", "category": "games/board"}]},
        {"a": "games/board"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("preset", OF_PRESETS)
def test_presets_name_the_categories(preset: str, tmp_path: Path) -> None:
    content, wanted = OF_PRESETS[preset]
    lines = content if isinstance(content, str) else json.dumps(content)
    log = write(tmp_path / "log", lines)
    assert by_item(prepare(tmp_path / "data", log, "--schema", preset)) == wanted


def test_a_parquet_file_may_lack_the_categories_of_a_preset(tmp_path: Path) -> None:
    rows = [GA4 | {"items": [{"item_id": "a"}]}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "log.parquet")
    got = prepare(tmp_path / "data", tmp_path / "log.parquet", "--schema", "ga4")
    assert (got["item"], got["category"]) == (["a"], [-1])


def test_levels_are_features_of_the_towers(tmp_path: Path) -> None:
    lines = [f"1,{at},{text},{at}" for at, text in enumerate(("a.b.c", "a.b.d", "a.e", "f", ""))]
    log = write(tmp_path / "log.csv", "user,item,category,time", *lines, "1,9,a.b.c,9")
    prepare(tmp_path / "data", log)
    sequences = load_sequences(tmp_path / "data")
    items = load_side_features(tmp_path / "data", sequences.users, sequences.items)[1]
    category, first, second = items.codes.T[:3]
    # The last two events are for the test: their items are not among the model's.
    assert items.sizes == (5, 3, 4, 1, 1)
    assert len(set(category[:4])) == 4
    assert first[0] == first[1] == first[2] != first[3]
    assert second[0] == second[1] != second[2] != second[3]
    assert not items.codes[-1].any()


PART = st.text("ab", min_size=1, max_size=2)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(PART, min_size=1, max_size=4).map(".".join), unique=True, min_size=1))
def test_a_level_is_the_first_parts(categories: list[str]) -> None:
    levels = list(levels_of(categories))
    expected = [[".".join(each.split(".")[:depth]) for each in categories] for depth in (1, 2)]
    assert levels == [each for each in expected if len(set(each)) < len(categories)]
