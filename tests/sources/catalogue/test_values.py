"""Records of a catalogue's topic."""

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
    rows = parse_records(records)
    assert rows.item.tolist() == [5, 6, 7, 8, 9, 10, 13]
    assert rows.available.tolist() == [False, False, False, False, True, True, True]
    assert rows.updated.tolist() == [1, 3, 3, 3, 77, 5, 6]
    assert rows.malformed == 8
    assert rows.details.column("title").to_pylist()[0] == "x"
    assert len(parse_records([])) == 0
