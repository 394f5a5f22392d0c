"""Dead letters: what could not be used, why, and where it came from (spec section 7)."""

from __future__ import annotations

import json
from dataclasses import dataclass

import apache_beam as beam

TOO_FEW = "too few fields"
TOO_MANY = "too many fields"
NOT_A_NUMBER = "not a number"
UNKNOWN_BEHAVIOR = "unknown behavior"
TIME_RANGE = "time out of range"
NOT_UTF8 = "not UTF-8"
NOT_JSON = "not JSON"


@dataclass(frozen=True)
class DeadLetter:
    """One value that could not be used as it came.

    Attributes:
        source: where it stands: `PATH:byte N` (offset of the line in the uncompressed
            file), `PATH:row N` (Parquet), `TOPIC/PARTITION/OFFSET` (Kafka).
        reason: why, one of a few fixed phrases.
        raw: the value as it came; bytes that are not UTF-8 stand as backslash escapes.
        time: the event's time in seconds since the epoch, or None where it has none.
    """

    source: str
    reason: str
    raw: str
    time: int | None

    def to_json(self) -> str:
        """The letter as one line of JSON, without the line's end."""
        return json.dumps(
            {"source": self.source, "reason": self.reason, "raw": self.raw, "time": self.time}
        )

    @staticmethod
    def from_json(line: str | bytes) -> DeadLetter:
        """The letter that `to_json` wrote.

        Raises:
            ValueError: the line is not JSON.
            TypeError: the object's names are not those of a dead letter.
        """
        return DeadLetter(**json.loads(line))


class DeadLetterCoder(beam.coders.Coder):
    """Writes a dead letter as its line of JSON."""

    def encode(self, value: DeadLetter) -> bytes:
        """The letter as bytes."""
        return value.to_json().encode("ascii")

    def decode(self, encoded: bytes) -> DeadLetter:
        """The letter that `encode` wrote."""
        return DeadLetter.from_json(encoded)

    def is_deterministic(self) -> bool:
        """Equal letters have equal bytes."""
        return True

    def to_type_hint(self) -> type[DeadLetter]:
        """What it codes."""
        return DeadLetter


beam.coders.registry.register_coder(DeadLetter, DeadLetterCoder)
