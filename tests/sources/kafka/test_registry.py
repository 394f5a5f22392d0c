"""Avro values by a schema registry: a fake one, hostile bytes, and schemas that are refused."""

import contextlib
import io
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.errors import SourceError
from sources.options import InputSettings
from sources.registry import client
from sources.registry.avro import parse_avro_schema
from sources.registry.client import SchemaRegistry, registry_at
from sources.registry.errors import SchemaError
from sources.schema.kafka_values import explain_registered, parse_schema_values
from sources.schema.schema import Schema

WHO = {"type": "record", "name": "Who", "fields": [{"name": "id", "type": "long"}]}
CLICK = {
    "type": "record", "name": "Click", "namespace": "shop",
    "fields": [
        {"name": "who", "type": WHO},
        {"name": "items", "type": {"type": "array", "items": "long"}},
        {"name": "item", "type": ["null", "long"]},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["view", "sale"]}},
    ],
}  # fmt: skip
TOML = """
[fields]
user = "who.id"
item = "item"
time = "at"
behavior = "kind"
[behaviors]
view = "pv"
sale = "buy"
"""
PARSED = fastavro.parse_schema(json.loads(json.dumps(CLICK)))


class Answers(BaseHTTPRequestHandler):
    """What a registry says."""

    texts: ClassVar[dict[str, Any]] = {}
    asked: ClassVar[list[tuple[str, str | None]]] = []

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers["Authorization"]))
        status, body = self.texts.get(self.path, (404, b"{}"))
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/schemas/ids/7")
        if body.endswith(b"schema"):
            self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def registry() -> Iterator[str]:
    Answers.asked.clear()
    Answers.texts = {
        "/schemas/ids/7": (200, json.dumps({"schema": json.dumps(CLICK)}).encode()),
        "/schemas/ids/8": (200, b'{"schemaType": "JSON", "schema": "{}"}'),
        "/schemas/ids/9": (200, b" " * (client.MOST_BYTES + 1)),
        "/schemas/ids/10": (401, b""),
        "/schemas/ids/11": (503, b""),
        "/schemas/ids/12": (302, b""),
        "/schemas/ids/13": (200, b'{"schema'),
    }
    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def encoded(number: int = 7, **fields: Any) -> bytes:
    row = {
        "who": {"id": 5}, "items": [1], "item": 6, "kind": "sale",
        "at": datetime(2025, 10, 9, 8, 53, 20, 999_000, UTC),
    } | fields  # fmt: skip
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, PARSED, row)
    return b"\0" + number.to_bytes(4, "big") + stream.getvalue()


@pytest.fixture
def schema(registry: str, tmp_path: Any) -> Schema:
    path = tmp_path / "shop.toml"
    path.write_text(TOML)
    chosen = InputSettings("kafka://h:1/t", schema=str(path), schema_registry=registry)
    assert not chosen.problems()
    found = chosen.read_schema()
    assert found is not None
    assert registry not in repr(found)
    return found


def test_values(schema: Schema) -> None:
    good = encoded()
    values = [
        good, None, b'{"who": 1}', encoded(item=None), good[:-1], good + b"x", encoded(8),
        encoded(9),
        encoded(1), encoded(kind="view"), b"\0" * 100,
    ]  # fmt: skip
    parsed = parse_schema_values(values, schema, 90)
    assert parsed.rows.tolist() == [0, 9]
    events = parsed.events
    assert events.user.tolist() == [5, 5]
    assert events.item.tolist() == [6, 6]
    assert events.behavior.tolist() == [3, 0]
    assert events.time.tolist() == [1_760_000_000] * 2
    details = [
        (row, found.reason, explain_registered(found.reason, values[row] or b"", schema))
        for row, found in parsed.malformed
    ]
    wire = "no value in the wire format of a schema registry: a zero byte and a schema's id"
    assert details == [
        (1, "too few fields", "the value is empty"),
        (2, "not Avro", wire),
        (3, "too few fields", "item is missing"),
        (4, "not Avro", "no value of the registry's schema 7"),
        (5, "not Avro", "no value of the registry's schema 7"),
        (6, "not Avro", "the schema is of the type JSON: AVRO and PROTOBUF are read"),
        (7, "not Avro", "schema 9 has more than 1,048,576 bytes"),
        (8, "not Avro", "the registry has no schema 1"),
        (10, "too long", "longer than --max_line"),
    ]
    paths = [path for path, _ in Answers.asked]
    assert len(paths) == len(set(paths))  # Each is asked once.


def test_a_registry_that_is_out_or_refuses(registry: str, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(client.time, "sleep", waits.append)
    reader = SchemaRegistry(registry.replace("//", "//me:s%40cret@"))
    with pytest.raises(SourceError, match="does not answer: status 503") as out:
        reader.schema(11)
    assert waits == [0.5, 1, 2, 4, 8]
    assert "cret" not in str(out.value)
    assert Answers.asked[0][1] == "Basic bWU6c0BjcmV0"
    with pytest.raises(SourceError, match="status 401 for schema 10"):
        reader.schema(10)
    with pytest.raises(SourceError, match="status 302 for schema 12"):
        reader.schema(12)
    assert Answers.asked[-1][0] == "/schemas/ids/12"  # The password went nowhere else.
    with pytest.raises(SourceError, match="does not answer: the answer is not whole"):
        reader.schema(13)
    with pytest.raises(SourceError, match="does not answer"):
        SchemaRegistry("http://127.0.0.1:9").schema(1)


def test_answers_that_are_not_http_or_do_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "TRIES", 1)
    monkeypatch.setattr(client, "TIMEOUT_S", 1)
    slow = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    for first, next_bytes, said in (
        (b"no HTTP\r\n\r\n", b"", "does not answer: no HTTP"),
        (slow, b" ", "takes longer than 1 s"),
        (b"HTTP/1.1 200 OK\r\n", b"A", "takes longer than 1 s"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b" ", "takes longer than 1 s"),
        (b"", b"H", "takes longer than 1 s"),
    ):
        with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor() as pool:
            done = pool.submit(drip, server, first, next_bytes)
            with pytest.raises(SourceError, match=said):
                SchemaRegistry(f"http://127.0.0.1:{server.getsockname()[1]}").schema(1)
            done.result()


def test_a_registry_that_does_not_begin_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "TRIES", 1)
    monkeypatch.setattr(client, "TIMEOUT_S", 1)
    record = b"\x16\x03\x03\x3f\xff"  # The head of a record of TLS, whose bytes drip.
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor() as pool:
        done = pool.submit(drip, server, record, b"\2")
        with pytest.raises(SourceError, match="takes longer than 1 s"):
            SchemaRegistry(f"https://127.0.0.1:{server.getsockname()[1]}").schema(1)
        done.result()


def test_a_schema_that_is_awaited_holds_no_other_one(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, begun, go_on = (
        SchemaRegistry("http://127.0.0.1:9"),
        threading.Event(),
        threading.Event(),
    )
    asked: list[int] = []

    def read(number: int) -> Any:
        asked.append(number)
        if number == 1:
            begun.set()
            go_on.wait(30)
        raise SchemaError(f"no schema {number}")

    monkeypatch.setattr(reader, "_read", read)
    with ThreadPoolExecutor() as pool:
        first = [pool.submit(reader.schema, 1) for _ in range(2)]
        begun.wait(30)
        assert reader.schema(2) == "no schema 2"
        go_on.set()
        assert [each.result() for each in first] == ["no schema 1"] * 2
    assert asked == [1, 2]  # Who waited for the first one does not ask again.


def drip(server: socket.socket, first: bytes, next_bytes: bytes) -> None:
    """Answers one request, and goes on with the same bytes until nobody listens."""
    server.settimeout(30)
    connection, _ = server.accept()
    with connection, contextlib.suppress(OSError):
        connection.recv(1 << 16)
        connection.sendall(first)
        while next_bytes:
            connection.sendall(next_bytes)
            time.sleep(0.05)


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_are_a_record_or_none(tail: bytes) -> None:
    found = parse_avro_schema(json.dumps(CLICK)).read(tail)
    assert found is None or set(found) == {field["name"] for field in CLICK["fields"]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no Avro schema"),
        ('"long"', "not that of a record"),
        ('{"type": "record", "name": "A", "fields": [{"name": "a", "type": ["null", "A"]}]}',
         "recursive"),
        ('{"type": "record", "name": "A", "fields": [{"name": "a", "type":'
         ' {"type": "array", "items": "null"}}]}', "elements without bytes"),
        ('{"type": "record", "name": "A", "fields": [{"name": "e", "type": {"type": "record",'
         ' "name": "E", "fields": []}}, {"name": "a", "type": {"type": "array", "items": "E"}}]}',
         "elements without bytes"),
        ("[" * 5000, "no Avro schema"),
        # Within the namespace a record has the name of a type without bytes.
        ('{"type": "record", "name": "A", "namespace": "a", "fields": [{"name": "e", "type":'
         ' {"type": "record", "name": "null", "fields": [{"name": "y", "type": "double"}]}},'
         ' {"name": "a", "type": {"type": "array", "items": "null"}}]}', "elements without bytes"),
    ],
)  # fmt: skip
def test_schemas_that_are_refused(text: str, said: str) -> None:
    with pytest.raises(SchemaError, match=said):
        parse_avro_schema(text)


def test_a_schema_that_doubles_itself_is_refused() -> None:
    fields: list[Any] = [{"name": "z", "type": {"type": "fixed", "name": "T0", "size": 1}}]
    for step in range(1, 40):
        last = f"T{step - 1}"
        inner = [{"name": "a", "type": last}, {"name": "b", "type": last}]
        kind = {"type": "record", "name": f"T{step}", "fields": inner}
        fields.append({"name": f"f{step}", "type": kind})
    with pytest.raises(SchemaError, match="more than 1,000 types"):
        parse_avro_schema(json.dumps({"type": "record", "name": "A", "fields": fields}))


def test_options() -> None:
    for chosen, said in (
        (InputSettings("f.csv", schema="steam", schema_registry="http://h"), "needs a topic"),
        (InputSettings("kafka://h:1/t", schema_registry="http://h"), "needs a topic"),
        (InputSettings("kafka://h:1/t", schema="segment", schema_registry="ftp://h"), "http://"),
    ):
        (problem,) = chosen.problems()
        assert said in problem
    assert registry_at("http://h") is registry_at("http://h")
