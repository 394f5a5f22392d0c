"""Records of a catalogue's topic."""

from dataclasses import replace

from sources.catalogue.values import MAX_VALUE, CatalogueRecord, parse_records


def test_keys_values_tombstones_and_what_is_malformed() -> None:
    records = [
        CatalogueRecord(b"5", b'{"available": false, "title": "x", "price": 2}', 1_000),
        CatalogueRecord(b"6", None, 2_001),
        CatalogueRecord(b"7", b"", 3_000),
        CatalogueRecord(b"8", b"null", 3_000),
        CatalogueRecord(None, b'{"item": 9, "updated": 77}', 4_000),
        CatalogueRecord(b"10", b'{"available": 1, "category": null}', 5_000),
        CatalogueRecord(b"x", b"{}", 5_000),
        CatalogueRecord(None, None, 5_000),
        CatalogueRecord(None, b"{}", 5_000),
        CatalogueRecord(b"11", b"[1]", 5_000),
        CatalogueRecord(b"11", b"{", 5_000),
        CatalogueRecord(b"11", b'{"price": "much"}', 5_000),
        CatalogueRecord(b"\xff", b"{}", 5_000),
        CatalogueRecord(b"12", b" " * (MAX_VALUE + 1), 5_000),
        CatalogueRecord(b"13", b"{}", 6_000),
    ]
    records = [replace(record, offset=place) for place, record in enumerate(records)]
    rows = parse_records(records, "t")
    assert rows.item.tolist() == [5, 6, 7, 8, 9, 10, 13]
    assert rows.available.tolist() == [False, False, False, False, True, True, True]
    assert rows.updated.tolist() == [1, 3, 3, 3, 77, 5, 6]
    whys = {(letter.source, letter.reason): letter.detail for letter in rows.letters}
    assert whys == {
        ("t/0/6", "not a number"): "item is 'x', no whole number of 64 bits; texts need [ids] "
        'item = "text" in a --schema',
        ("t/0/7", "not an id"): "the record has neither a key nor a value",
        ("t/0/8", "not an id"): "the record has no key, and its value no item",
        ("t/0/9", "not JSON"): "the value is no JSON object",
        ("t/0/10", "not JSON"): "not JSON: unexpected end of data: line 1 column 2 (char 1)",
        (
            "t/0/11",
            "not a number",
        ): "price is 'much', no number of up to 15 digits before the point",
        ("t/0/12", "not UTF-8"): "some bytes of the key are not UTF-8",
        ("t/0/13", "too long"): "longer than 65,536 bytes",
    }
    raws = {letter.source: letter.raw for letter in rows.letters}
    assert raws["t/0/11"] == '{"price": "much"}'
    assert raws["t/0/12"] == "{}"
    assert raws["t/0/13"].endswith("[cut: 65537 bytes]")
    assert rows.details.column("title").to_pylist()[0] == "x"
    assert len(parse_records([])) == 0
