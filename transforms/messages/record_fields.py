"""What a job's records have beside the four fields of an event. Imports neither Beam nor NumPy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RecordFields:
    """The further fields of records.

    Attributes:
        event_id: whether events have ids of their own, which are part of a record's key.
        value: whether events have a number that is kept with them. Of events that are equal but
            for it, the largest is kept.
    """

    event_id: bool = False
    value: bool = False


NO_FIELDS = RecordFields()
"""Records of an event's four fields."""
