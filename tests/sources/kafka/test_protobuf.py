"""Protobuf values by a schema registry: places of messages, kinds of fields, hostile bytes."""

import base64
import json
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    timestamp_pb2,
    wrappers_pb2,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from rivulet.limits import MAX_ELEMENTS
from sources.errors import SourceError
from sources.options import InputSettings
from sources.registry.client import SchemaRegistry
from sources.registry.errors import SchemaError
from sources.registry.protobuf import ProtobufSchema, parse_protobuf_schema
from sources.schema.kafka_values import explain_registered, parse_schema_values
from sources.schema.schema import Schema

Field = descriptor_pb2.FieldDescriptorProto
TOML = """
[fields]
user = "who.id"
item = "lines[].item"
time = "at"
behavior = "kind"
value = "price"
[ids]
item = "text"
[behaviors]
VIEW = "pv"
SALE = "buy"
"""


def field(name: str, number: int, kind: int, type_name: str = "", *, many: bool = False) -> Field:
    label = Field.LABEL_REPEATED if many else Field.LABEL_OPTIONAL
    return Field(name=name, number=number, type=kind, type_name=type_name or None, label=label)


def shop() -> descriptor_pb2.FileDescriptorProto:
    """message Other {}  message Click { message Who { message Deep .. } .. }, of package shop."""
    file = descriptor_pb2.FileDescriptorProto(
        name="shop.proto", package="shop", syntax="proto3",
        dependency=["google/protobuf/timestamp.proto", "google/protobuf/wrappers.proto"],
    )  # fmt: skip
    file.enum_type.add(name="Kind").value.extend(
        descriptor_pb2.EnumValueDescriptorProto(name=name, number=number)
        for number, name in enumerate(("VIEW", "SALE"))
    )
    file.message_type.add(name="Other").field.append(field("x", 1, Field.TYPE_INT64))
    click = file.message_type.add(name="Click")
    who = click.nested_type.add(name="Who")
    who.field.append(field("id", 1, Field.TYPE_INT64))
    who.nested_type.add(name="Deep").field.append(field("item", 1, Field.TYPE_STRING))
    tags = click.nested_type.add(name="TagsEntry")
    tags.options.map_entry = True
    tags.field.append(field("key", 1, Field.TYPE_STRING))
    tags.field.append(field("value", 2, Field.TYPE_MESSAGE, ".shop.Click.Who"))
    click.field.extend(
        (
            field("who", 1, Field.TYPE_MESSAGE, ".shop.Click.Who"),
            field("lines", 2, Field.TYPE_MESSAGE, ".shop.Click.Who.Deep", many=True),
            field("at", 3, Field.TYPE_MESSAGE, ".google.protobuf.Timestamp"),
            field("kind", 4, Field.TYPE_ENUM, ".shop.Kind"),
            field("price", 5, Field.TYPE_MESSAGE, ".google.protobuf.DoubleValue"),
            field("tags", 6, Field.TYPE_MESSAGE, ".shop.Click.TagsEntry", many=True),
            field("again", 7, Field.TYPE_MESSAGE, ".shop.Click"),
        )
    )
    return file


def serialized(file: descriptor_pb2.FileDescriptorProto) -> str:
    return base64.b64encode(file.SerializeToString()).decode()


@pytest.fixture(scope="module")
def classes() -> dict[str, Any]:
    pool = descriptor_pool.DescriptorPool()
    for known in (timestamp_pb2, wrappers_pb2):
        pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
    pool.Add(shop())
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"shop.{name}"))
        for name in ("Other", "Click", "Click.Who", "Click.Who.Deep")
    }


PLACES = {"Other": b"\0", "Click": b"\2\2", "Click.Who": b"\4\2\0", "Click.Who.Deep": b"\6\2\0\0"}
"""Zigzag varints: the number of places, and each; 0 for the first message."""


def encoded(message: Any, places: bytes = PLACES["Click"], number: int = 7) -> bytes:
    return b"\0" + number.to_bytes(4, "big") + places + message.SerializeToString()


def click(classes: dict[str, Any], **fields: Any) -> Any:
    given = {
        "who": {"id": 5}, "lines": [{"item": "a"}, {"item": "b"}], "kind": 1,
        "at": {"seconds": 1_760_000_000, "nanos": 999_999_999},
        "price": {"value": 2.5},
    } | fields  # fmt: skip
    return classes["Click"](**{name: value for name, value in given.items() if value is not None})


@pytest.fixture
def schema(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Schema:
    """A registry that has the file as 7, its text alone as 8, and cannot serialize 9."""
    text = json.dumps({"schemaType": "PROTOBUF", "schema": "message A {}"}).encode()
    whole = json.dumps({"schemaType": "PROTOBUF", "schema": serialized(shop())}).encode()
    answers = {(7, ""): text, (7, "?format=serialized"): whole, (8, ""): text,
               (8, "?format=serialized"): text, (9, ""): text}  # fmt: skip

    def ask(self: SchemaRegistry, number: int, form: str = "") -> bytes:
        del self
        if (number, form) not in answers:
            raise SchemaError(f"the registry does not support /schemas/ids/{number}{form}")
        return answers[number, form]

    monkeypatch.setattr(SchemaRegistry, "_ask", ask)
    (tmp_path / "shop.toml").write_text(TOML)
    url = f"http://{tmp_path.name}"  # A registry of its own for each test.
    found = InputSettings(
        "kafka://h:1/t", schema=str(tmp_path / "shop.toml"), schema_registry=url
    ).read_schema()
    assert found is not None
    return found


def test_values(schema: Schema, classes: dict[str, Any]) -> None:
    wide = [{"item": "x"}] * (MAX_ELEMENTS + 1)
    values = [
        encoded(click(classes)),
        encoded(click(classes, who=None)),
        encoded(click(classes, kind=9)),
        encoded(click(classes), b"\0"),  # The fields of another message.
        encoded(click(classes), b"\2\6"),  # There is no fourth message.
        encoded(click(classes), b"\x01"),
        encoded(click(classes), b"\xff" * 9),
        encoded(click(classes))[:-1],
        encoded(click(classes), number=8),
        encoded(click(classes), number=9),
        encoded(click(classes, lines=wide)),
        encoded(click(classes, kind=0, price=None, lines=[{"item": "ä"}])),
        None,
    ]
    parsed = parse_schema_values(values, schema)
    events = parsed.events
    assert parsed.rows.tolist() == [0, 0, 11]
    assert events.names is not None
    assert events.names.item is not None
    assert events.names.item.texts(events.item).to_pylist() == ["a", "b", "ä"]
    assert events.user.tolist() == [5, 5, 5]
    assert events.behavior.tolist() == [3, 3, 0]
    assert events.time.tolist() == [1_760_000_000] * 3
    assert events.details is not None
    assert events.details.value[:2].tolist() == [2.5, 2.5]
    details = {
        row: (found.reason, explain_registered(found.reason, values[row] or b"", schema))
        for row, found in parsed.malformed
    }
    wrong = "not Protobuf", "no value of the registry's schema 7"
    assert details == {
        1: ("too few fields", "user (who.id) is missing"),
        2: ("unknown behavior", details[2][1]),
        3: ("too few fields", details[3][1]),
        **dict.fromkeys((4, 5, 6, 7), wrong),
        8: ("not Avro", "the registry does not serialize Protobuf schemas (format=serialized)"),
        9: ("not Avro", "the registry does not support /schemas/ids/9?format=serialized"),
        10: ("too many fields", "10,001 events in a list, more than 10,000"),
        12: ("too few fields", "the value is empty"),
    }
    assert "9" in details[2][1]


@pytest.mark.parametrize("name", PLACES)
def test_each_message_of_the_file(name: str, classes: dict[str, Any]) -> None:
    known = {"Other": {"x": -7}, "Click": {"who": {"id": 3}}, "Click.Who": {"id": 4}}
    fields: Any = known.get(name, {"item": "z"})
    message = classes[name](**fields)
    found = parse_protobuf_schema(serialized(shop())).read(
        PLACES[name] + message.SerializeToString(), ("x", "who.id", "id", "item")
    )
    assert found == fields


def test_maps_times_and_messages_in_themselves(classes: dict[str, Any]) -> None:
    inner = click(classes, at={"seconds": -1, "nanos": 5_000})
    message = click(classes, tags={"a b": {"id": 8}, "c": {"id": 9}}, again=inner)
    message.at.seconds = 2**60
    wanted = ("tags.c.id", "tags.none.id", "again.at", "at", "again.again.at", "no.such.field")
    assert parse_protobuf_schema(serialized(shop())).read(
        PLACES["Click"] + message.SerializeToString(), wanted
    ) == {
        "tags": {"c": {"id": 9}},
        "at": datetime(1, 1, 1, tzinfo=UTC),
        "again": {"at": datetime(1969, 12, 31, 23, 59, 59, 5, UTC)},
    }


SHOP = parse_protobuf_schema(serialized(shop()))


@settings(deadline=None)
@given(st.sampled_from([b"", *PLACES.values()]), st.binary(max_size=60))
def test_any_bytes_are_a_message_or_none(places: bytes, tail: bytes) -> None:
    found = SHOP.read(places + tail, ("who.id", "lines[].item", "at", "tags.a.id", "again.kind"))
    assert found is None or set(found) <= {"who", "lines", "at", "tags", "again"}


def changed(**changes: Any) -> descriptor_pb2.FileDescriptorProto:
    file = shop()
    for name, value in changes.items():
        if isinstance(value, list):
            del getattr(file, name)[:]
            getattr(file, name).extend(value)
        else:
            setattr(file, name, value)
    return file


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("message A {}", "does not serialize"),
        (None, "does not serialize"),
        (serialized(changed(dependency=["other.proto"])), "imports 'other.proto'"),
        (serialized(changed(enum_type=[])), "no Protobuf file"),
        (serialized(changed(package="a b")), "no Protobuf file"),
        (serialized(changed(message_type=[], enum_type=[])), "no message"),
    ],
)
def test_schemas_that_are_refused(text: Any, said: str) -> None:
    with pytest.raises(SchemaError, match=said):
        parse_protobuf_schema(text)


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"": json.dumps({"schemaType": "PROTOBUF", "schema": ""}).encode()}
    monkeypatch.setattr(SchemaRegistry, "_ask", lambda self, number, form="": answers[form])
    monkeypatch.setitem(sys.modules, "sources.registry.protobuf", None)
    with pytest.raises(SourceError, match=r"need protobuf: pip install 'rivulet\[protobuf\]'"):
        SchemaRegistry("http://h").schema(1)


def test_a_schema_keeps_no_more_than_its_messages() -> None:
    schema: ProtobufSchema = parse_protobuf_schema(serialized(shop()))
    for place in range(200):
        schema.read(bytes((2, place)))
    assert len(schema._classes) == 2


def test_a_time_that_python_has_not_changes_no_other(
    schema: Schema, classes: dict[str, Any]
) -> None:
    times = (1_760_000_000, 10**12, 2**60, -(2**60))
    values = [encoded(click(classes, at={"seconds": seconds})) for seconds in times]
    parsed = parse_schema_values(values, schema)
    assert parsed.events.time.tolist() == [1_760_000_000] * 2
    assert parsed.malformed.row.tolist()[0] == 1
    assert set(parsed.malformed.reasons()) == {"time out of range"}
