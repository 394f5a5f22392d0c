"""Protobuf schemas, as a registry serializes them, and values.

A registry gives a Protobuf schema as text and, asked for `format=serialized`, as a
FileDescriptorProto in base64. The second form is read: Protobuf's own runtime takes it as it is.

A value begins with the place of its message in the file, as Confluent writes it: the number of
places and then each place, as zigzag varints; a single 0 stands for the first message.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import Any, ClassVar, TypeAlias

from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    json_format,
    message_factory,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)
from google.protobuf.message import DecodeError

from rivulet.limits import MAX_ELEMENTS
from sources.registry.errors import SchemaError
from transforms.messages.dead_letters import NOT_PROTOBUF

Paths: TypeAlias = Mapping[str, "Paths"]
"""The names of the fields that are read, and those inside them."""

MOST_PLACES = 32
"""Most places that say which message a value is, which is how deeply messages are nested."""

_KNOWN = {
    module.DESCRIPTOR.name: module.DESCRIPTOR
    for module in (
        any_pb2, duration_pb2, empty_pb2, field_mask_pb2, struct_pb2, timestamp_pb2, wrappers_pb2,
    )
}  # fmt: skip
"""The files of the standard library that a schema may import."""
_TIMESTAMP = timestamp_pb2.Timestamp.DESCRIPTOR.full_name
_WRAPPERS = {each.full_name for each in wrappers_pb2.DESCRIPTOR.message_types_by_name.values()}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ProtobufSchema:
    """The messages of a file, by which values are read.

    Args:
        file: the file.
        pool: where its messages are.
    """

    REASON: ClassVar[str] = NOT_PROTOBUF
    """Of a value that is none of the schema's."""

    def __init__(self, file: Any, pool: Any) -> None:
        self._file, self._pool = file, pool
        self._classes: dict[tuple[int, ...], Any] = {}

    def read(self, encoded: bytes, wanted: Sequence[str] | None = ()) -> dict[str, Any] | None:
        """The message in some bytes, with those of its fields that are asked for.

        Fields that are not set and say so are left out; others have their defaults, as proto3 has
        it. Of a list no more elements are taken than a value may have, and one more.

        Args:
            encoded: the places of the message, and the message.
            wanted: paths of the fields, such as `who.id` and `items[].id`; None for all fields
                that are set, which is slower.

        Returns:
            None where the bytes are no message of the file.
        """
        places, start = _places(encoded)
        found = self._class(places)
        if found is None:
            return None
        message = found()
        try:
            message.ParseFromString(encoded[start:])
        except (DecodeError, RecursionError, MemoryError):
            return None
        return _whole(message) if wanted is None else _plain(message, paths_of(tuple(wanted)))

    def _class(self, places: tuple[int, ...]) -> Any:
        if places in self._classes:
            return self._classes[places]
        of: Any = self._file.message_type
        names = [self._file.package] if self._file.package else []
        for place in places:
            if not 0 <= place < len(of):
                return None
            names.append(of[place].name)
            of = of[place].nested_type
        if not places:
            return None
        descriptor = self._pool.FindMessageTypeByName(".".join(names))
        self._classes[places] = message_factory.GetMessageClass(descriptor)
        return self._classes[places]


def parse_protobuf_schema(text: Any) -> ProtobufSchema:
    """The schema of a file in base64.

    Raises:
        SchemaError: it is none, or imports files that are not of Protobuf's standard library.
    """
    try:
        content = base64.b64decode(text, validate=True)
        file = descriptor_pb2.FileDescriptorProto.FromString(content)
    except (binascii.Error, TypeError, ValueError, DecodeError) as error:
        raise SchemaError(
            "the registry does not serialize Protobuf schemas (format=serialized)"
        ) from error
    pool = descriptor_pool.DescriptorPool()
    for name in file.dependency:
        if name not in _KNOWN:
            raise SchemaError(f"the schema imports {name[:80]!r}, which is not supported")
    try:
        for known in _KNOWN.values():
            pool.AddSerializedFile(known.serialized_pb)
        pool.Add(file)
        pool.FindFileByName(file.name)
    except Exception as error:
        raise SchemaError("the registry's schema is no Protobuf file") from error
    if not file.message_type:
        raise SchemaError("the registry's Protobuf file has no message")
    return ProtobufSchema(file, pool)


@lru_cache(64)
def paths_of(wanted: tuple[str, ...]) -> Paths:
    """The tree of some paths, such as `who.id` and `items[].id`."""
    tree: dict[str, Any] = {}
    for path in wanted:
        branch = tree
        for name in path.split("."):
            branch = branch.setdefault(name.removesuffix("[]"), {})
    return tree


def _places(encoded: bytes) -> tuple[tuple[int, ...], int]:
    """The places of a value's message, and where the message begins; no places where wrong."""
    count, at = _zigzag(encoded, 0)
    if count == 0:
        return (0,), at
    if not 0 < count <= MOST_PLACES:
        return (), at
    places = []
    for _ in range(count):
        place, at = _zigzag(encoded, at)
        places.append(place)
    return tuple(places), at


def _zigzag(encoded: bytes, at: int) -> tuple[int, int]:
    """A number of at most 32 bits, and where it ends; -1 where there is none."""
    number = 0
    for shift in range(0, 35, 7):
        if at >= len(encoded):
            return -1, at
        octet = encoded[at]
        at += 1
        number |= (octet & 0x7F) << shift
        if octet < 0x80:
            return (number >> 1) ^ -(number & 1), at
    return -1, at


def _whole(message: Any) -> dict[str, Any] | None:
    """All fields of a message that are set, as an object of JSON; None where it cannot be one."""
    try:
        found: dict[str, Any] = json_format.MessageToDict(message, preserving_proto_field_name=True)
    except (json_format.Error, RecursionError, ValueError):
        return None
    return found


def _plain(message: Any, paths: Paths) -> dict[str, Any]:
    """Some fields of a message as an object of JSON."""
    found: dict[str, Any] = {}
    fields = message.DESCRIPTOR.fields_by_name
    for name, inner in paths.items():
        field = fields.get(name)
        if field is None or (field.has_presence and not message.HasField(name)):
            continue
        value = getattr(message, name)
        if not field.is_repeated:
            found[name] = _value(field, value, inner)
        elif field.message_type is not None and field.message_type.GetOptions().map_entry:
            key, of = (field.message_type.fields_by_name[part] for part in ("key", "value"))
            own = inner.items() if key.type == key.TYPE_STRING else ()
            # Reading a key that a map of messages lacks would add it.
            found[name] = {
                each: _value(of, value[each], rest) for each, rest in own if each in value
            }
        else:
            some = islice(value, MAX_ELEMENTS + 1)
            found[name] = [_value(field, each, inner) for each in some]
    return found


def _value(field: Any, value: Any, paths: Paths) -> Any:
    if field.message_type is not None:
        kind = field.message_type.full_name
        if kind == _TIMESTAMP and not paths:
            return _moment(value)
        return value.value if kind in _WRAPPERS and not paths else _plain(value, paths)
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return value if known is None else known.name
    return value


def _moment(value: Any) -> datetime:
    """The time of a Timestamp; the first of Python's times, which is no event's, where it has none.

    A number would turn the column, and so the times of other values, into texts.
    """
    try:
        return _EPOCH + timedelta(seconds=value.seconds, microseconds=value.nanos // 1000)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)
