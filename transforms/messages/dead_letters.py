"""Dead letters: values that could not be used, why, and where they came from (spec section 7).

The element of a PCollection is a `DeadLetterBatch`: dead letters as columns. A `DeadLetter` is
one of its rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import apache_beam as beam
import pyarrow as pa

TOO_FEW = "too few fields"
TOO_MANY = "too many fields"
NOT_A_NUMBER = "not a number"
NOT_A_TIME = "not a time"
NOT_AN_ID = "not an id"
ID_COLLISION = "id collision"
UNKNOWN_BEHAVIOR = "unknown behavior"
TIME_RANGE = "time out of range"
NOT_UTF8 = "not UTF-8"
NOT_JSON = "not JSON"
NOT_AVRO = "not Avro"
NOT_PROTOBUF = "not Protobuf"
DUPLICATE_KEY = "duplicate key"
TOO_LONG = "too long"
FUTURE = "future"

_SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("reason", pa.string()),
        ("raw", pa.string()),
        ("time", pa.int64()),
        ("detail", pa.string()),
    ]
)


@dataclass(frozen=True)
class DeadLetter:
    """One value that could not be used as it came.

    Attributes:
        source: where it stands: `PATH:byte N` (offset of the line in the uncompressed
            file), `PATH:row N` (Parquet), `TOPIC/PARTITION/OFFSET` (Kafka).
        reason: why, one of a few fixed phrases.
        raw: the value as it came; bytes that are not UTF-8 stand as backslash escapes.
        time: the event's time in seconds since the epoch, or None where it has none.
        detail: which field, which value, and a hint; empty where `reason` says all. It follows
            from the others, so that it does not tell letters apart.
    """

    source: str
    reason: str
    raw: str
    time: int | None
    detail: str = field(default="", compare=False)

    def to_json(self) -> str:
        """The letter as one line of JSON, without the line's end."""
        letter = {"source": self.source, "reason": self.reason, "raw": self.raw, "time": self.time}
        if self.detail:
            letter["detail"] = self.detail
        return json.dumps(letter)

    @staticmethod
    def from_json(line: str | bytes) -> DeadLetter:
        """The letter that `to_json` wrote.

        Raises:
            ValueError: the line is not JSON.
            TypeError: the object's names are not those of a dead letter.
        """
        return DeadLetter(**json.loads(line))


@dataclass(frozen=True, eq=False)
class DeadLetterBatch:
    """Dead letters as columns.

    Attributes:
        columns: a record batch [n] of `source`, `reason`, `raw` (text), `time` (int64, null
            where there is none) and `detail` (text), each as in `DeadLetter`.
    """

    columns: pa.RecordBatch

    @staticmethod
    def of(letters: Iterable[DeadLetter]) -> DeadLetterBatch:
        """A batch of these rows."""
        rows = list(letters)
        return DeadLetterBatch.of_columns(
            [row.source for row in rows],
            [row.reason for row in rows],
            [row.raw for row in rows],
            [row.time for row in rows],
            [row.detail for row in rows],
        )

    @staticmethod
    def of_columns(
        source: Sequence[str] | pa.Array,
        reason: Sequence[str] | pa.Array,
        raw: Sequence[str] | pa.Array,
        time: Sequence[int | None] | pa.Array,
        detail: Sequence[str] | pa.Array | None = None,
    ) -> DeadLetterBatch:
        """A batch of equally long columns: lists, or Arrow arrays of the schema's types.

        Without `detail` it is empty.
        """
        if detail is None:
            detail = pa.repeat(pa.scalar("", pa.string()), len(source))
        arrays = [
            column if isinstance(column, pa.Array) else _array(column, field.type)
            for column, field in zip((source, reason, raw, time, detail), _SCHEMA, strict=True)
        ]
        return DeadLetterBatch(pa.RecordBatch.from_arrays(arrays, schema=_SCHEMA))

    def __len__(self) -> int:
        return int(self.columns.num_rows)

    def __iter__(self) -> Iterator[DeadLetter]:
        return map(DeadLetter, *(column.to_pylist() for column in self.columns.columns))

    @property
    def times(self) -> list[int]:
        """The times of the letters that have one, in seconds since the epoch."""
        return list(self.columns.column("time").drop_null().to_pylist())

    def to_json_lines(self) -> bytes:
        """The letters as lines of JSON, each with its line's end."""
        return "".join([letter.to_json() + "\n" for letter in self]).encode("ascii")


def _array(values: Sequence[str] | Sequence[int | None], kind: pa.DataType) -> pa.Array:
    if kind != pa.string():
        return pa.array(values, kind)
    # A lone surrogate has no UTF-8 bytes.
    encoded = [str(value).encode("utf-8", "backslashreplace") for value in values]
    return pa.array(encoded, pa.binary()).cast(pa.string())


class DeadLetterBatchCoder(beam.coders.Coder):
    """Writes a batch as Arrow's IPC message, without its schema."""

    def encode(self, value: DeadLetterBatch) -> bytes:
        """The batch as bytes."""
        return bytes(value.columns.serialize())

    def decode(self, encoded: bytes) -> DeadLetterBatch:
        """The batch that `encode` wrote."""
        return DeadLetterBatch(pa.ipc.read_record_batch(pa.py_buffer(encoded), _SCHEMA))

    def is_deterministic(self) -> bool:
        """Equal batches may differ in the padding of their bytes."""
        return False

    def to_type_hint(self) -> type[DeadLetterBatch]:
        """What it codes."""
        return DeadLetterBatch


beam.coders.registry.register_coder(DeadLetterBatch, DeadLetterBatchCoder)
