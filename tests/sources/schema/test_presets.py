"""Each preset on a small file in its documented format, and on shops' files with their truth."""

import gzip
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sources.files.plan import plan
from sources.files.ranges import read_range
from sources.schema.load import load_schema, parse_schema, preset_names, schema_text
from sources.schema.schema import Ids, Schema
from transforms.messages.events import BEHAVIORS

SHOPS = Path(__file__).parents[4] / "shared/data/shops"
PATHS = {
    "retailrocket": "retailrocket.csv",
    "ecommerce-2019": "ecommerce-2019.csv",
    "diginetica": "diginetica-views.csv",
    "movielens": "movielens-ratings.csv",
}


def integers(name: str) -> Schema:
    """A preset whose ids are whole numbers, whatever it says."""
    return replace(parse_schema(schema_text(name), name), ids=Ids())


def read(path: Path, schema: Schema):
    """Rows (user, item, behavior, time), details of dead letters, and ignored lines."""
    rows, details, ignored = [], [], 0
    for piece in plan(str(path), None, schema=schema):
        for block in read_range(piece):
            names = [BEHAVIORS[code] for code in block.events.behavior]
            events = block.events
            rows += zip(
                events.user.tolist(), events.item.tolist(), names, events.time.tolist(), strict=True
            )
            details += [(letter.reason, letter.detail) for letter in block.letters]
            ignored += block.ignored
    return rows, details, ignored


T = 1_760_000_000  # 2025-10-09T08:53:20Z
SEGMENT = [
    {"event": "Product Viewed", "userId": "1", "properties": {"product_id": "2"}},
    {"event": "Product Added", "userId": 1, "properties": {"product_id": 2, "price": 1.5}},
    {"type": "page", "userId": "1", "properties": {"path": "/"}},
    {"event": "Product Viewed", "userId": "1", "properties": None},
]
GA4 = {"event_timestamp": str(T * 10**6 + 7), "user_pseudo_id": "1"}
SNOWPLOW = "com_snowplowanalytics_snowplow_ecommerce"
PRODUCTS = f"contexts_{SNOWPLOW}_product_1"
ACTION = f"unstruct_event_{SNOWPLOW}_snowplow_ecommerce_action_1"
STAMP = "2025-10-09T08:53:20.999Z"

FILES: dict[str, tuple[str, list[tuple[int, int, str, int]], int, int]] = {
    "retailrocket": (
        "timestamp,visitorid,event,itemid,transactionid\r\n"
        f"{T}999,1,view,2,\r\n{T}000,1,transaction,2,77\r\n{T}000,1,rent,2,\r\n",
        [(1, 2, "pv", T), (1, 2, "buy", T)], 1, 0,
    ),
    "ecommerce-2019": (
        "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,"
        "user_session\n2025-10-09 08:53:20 UTC,view,2,3,,,1.5,1,x\n"
        "2025-10-09 08:53:20 UTC,remove_from_cart,2,3,a.b,,1.5,1,x\n"
        "2025-10-09 08:53:20 UTC,purchase,2,3,a.b,,1.5,1,x\n",
        [(1, 2, "pv", T), (1, 2, "buy", T)], 0, 1,
    ),
    "yoochoose": (
        "1,2025-10-09T08:53:20.999Z,2,0\n1,2025-02-30T08:53:20.999Z,2,S\n",
        [(1, 2, "pv", T)], 1, 0,
    ),
    "yoochoose-buys": ("1,2025-10-09T08:53:20.999Z,2,12462,1\n", [(1, 2, "buy", T)], 0, 0),
    "online-retail": (
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
        '5,2,"LANTERN, ""WHITE""",6,10/9/25 8:53,2.55,1,United Kingdom\n'
        'C5,2,"LANTERN, WHITE",-1,10/9/25 8:53,2.55,,United Kingdom\n'
        "5,2,LANTERN,6,10/9/25 8:53,2.55,,United Kingdom\n",
        [(1, 2, "buy", T - 20)], 1, 1,
    ),
    "diginetica": (
        "sessionId;userId;itemId;timeframe;eventdate\n"
        "1;NA;2;32000999;2025-10-09\n1;NA;2;x;2025-10-09\n",
        [(1, 2, "pv", T)], 1, 0,
    ),
    "movielens": (
        f"userId,movieId,rating,timestamp\n1,2,4.5,{T}\n1,2,4.0,{T}\n1,2,3.5,{T}\n1,2,0.5,{T}\n"
        f"1,2,-1,{T}\n",
        [(1, 2, name, T) for name in ("buy", "fav", "cart", "pv")], 1, 0,
    ),
    "amazon-reviews": (
        json.dumps({"rating": 5.0, "user_id": "1", "parent_asin": "2", "timestamp": T * 1000})
        + "\n"
        + json.dumps({"rating": 4, "user_id": "1", "parent_asin": "2", "timestamp": T * 1000}),
        [(1, 2, "buy", T), (1, 2, "fav", T)], 0, 0,
    ),
    "lastfm": (
        f'1\t{STAMP}\t\t2\tx\t"Heroes" (Live)\n1\t{STAMP}\t\t2\tx\tan "open quote\n',
        [(1, 2, "pv", T), (1, 2, "pv", T)], 0, 0,
    ),
    "steam": (
        "app_id,helpful,funny,date,is_recommended,hours,user_id,review_id\n"
        "2,0,0,2025-10-09,true,36.3,1,0\n2,0,0,2025-10-09,false,36.3,1,1\n",
        [(1, 2, "fav", 1_759_968_000), (1, 2, "pv", 1_759_968_000)], 0, 0,
    ),
    "tianchi": (f"1,2,3,cart,{T}\n1,2,3,pv,{T}\n", [(1, 2, "cart", T), (1, 2, "pv", T)], 0, 0),
    "segment": (
        "".join(json.dumps({**each, "timestamp": STAMP}) + "\n" for each in SEGMENT),
        [(1, 2, "pv", T), (1, 2, "cart", T)], 1, 1,
    ),
    "ga4": (
        "".join(
            json.dumps({**GA4, "event_name": name, "items": items}) + "\n"
            for name, items in (
                ("view_item", [{"item_id": "2"}, {"item_id": "3"}]),
                ("page_view", []),
                ("purchase", [{"item_id": "2"}]),
                ("add_to_cart", []),
            )
        ),
        [(1, 2, "pv", T), (1, 3, "pv", T), (1, 2, "buy", T)], 1, 1,
    ),
    "snowplow": (
        "".join(
            json.dumps({"domain_userid": "1", "derived_tstamp": STAMP, **more}) + "\n"
            for more in (
                {ACTION: {"type": "add_to_cart"}, PRODUCTS: [{"id": "2"}]},
                {"event_name": "page_ping"},
            )
        ),
        [(1, 2, "cart", T)], 0, 1,
    ),
}  # fmt: skip


def test_each_preset_has_a_file() -> None:
    assert preset_names() == sorted(FILES)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("name", FILES)
def test_preset(name: str, zipped: bool, tmp_path: Path) -> None:
    text, rows, malformed, ignored = FILES[name]
    path = tmp_path / "events"
    content = text.encode()
    path.write_bytes(gzip.compress(content) if zipped else content)
    found, details, left_out = read(path, integers(name))
    assert found == rows
    assert (len(details), left_out) == (malformed, ignored)
    assert all(detail for _, detail in details)


def test_lists_in_parquet_have_an_event_for_each_element(tmp_path: Path) -> None:
    path = tmp_path / "ga4.parquet"
    rows = [json.loads(line) for line in FILES["ga4"][0].splitlines()]
    rows.insert(1, {**rows[1], "items": None})
    pq.write_table(pa.Table.from_pylist(rows), path)
    found, details, ignored = read(path, integers("ga4"))
    assert found == FILES["ga4"][1]
    assert details == [("too few fields", "item (items[].item_id) is missing")]
    assert ignored == 2


@pytest.mark.parametrize("name", PATHS)
def test_shops_with_integer_ids(name: str) -> None:
    path = SHOPS / PATHS[name]
    if not path.exists():
        pytest.skip(f"{path} is not on this machine")
    truth = json.loads(Path(f"{path}.truth.json").read_text())
    rows, details, ignored = read(path, load_schema(name))
    rows = sorted(set(rows))
    assert len(rows) == truth["recorded"]
    assert Counter(row[2] for row in rows) == truth["behaviors"]
    assert len({row[0] for row in rows}) == truth["users"]
    assert len({row[1] for row in rows}) == truth["items"]
    assert min(row[3] for row in rows) == truth["first_time"]
    assert max(row[3] for row in rows) == truth["last_time"]
    assert (len(details), ignored) == (truth["malformed"], truth["ignored"])
