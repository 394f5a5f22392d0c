"""What an event may have beside its four fields: an id of its own, and a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.columns.codec import Column

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]
Index = npt.NDArray[np.generic] | slice

DETAIL_COLUMNS = 2
"""Columns of encoded details."""


@dataclass(frozen=True, slots=True, eq=False)
class EventDetails:
    """Details, one a row of the events' batch.

    Attributes:
        event_id: int64 [n], tells apart events that are equal otherwise; 0 where there is none.
        value: float64 [n], a number that is kept with the event; NaN where there is none.
    """

    event_id: Int64s
    value: Float64s

    @staticmethod
    def none(rows: int) -> EventDetails:
        """The details of events that have none."""
        return EventDetails(np.zeros(rows, np.int64), np.full(rows, np.nan))

    def take(self, index: Index) -> EventDetails:
        """The rows at `index`."""
        return EventDetails(self.event_id[index], self.value[index])

    @staticmethod
    def concat(parts: Sequence[tuple[EventDetails | None, int]]) -> EventDetails | None:
        """The details of all parts; None where no part has any.

        Args:
            parts: the details and the number of rows of each.
        """
        if all(details is None for details, _ in parts):
            return None
        found = [details or EventDetails.none(rows) for details, rows in parts]
        return EventDetails(
            np.concatenate([details.event_id for details in found]),
            np.concatenate([details.value for details in found]),
        )

    def columns(self) -> tuple[Column, ...]:
        """The details as columns."""
        return self.event_id, self.value
