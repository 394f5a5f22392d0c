"""The state of a shard's feedback."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import apache_beam as beam
import numpy as np

from transforms.columns.codec import read_columns, write_columns
from transforms.columns.frames import column_names, name_columns, names_in
from transforms.columns.id_names import IdNames
from transforms.feedback.open_table import OpenTable
from transforms.fill import POPULAR
from transforms.messages.events import Float32s, Int8s, Int64s
from transforms.messages.minutes import PolicyMinutes
from transforms.messages.ranked_lists import POLICY_BYTES
from transforms.messages.ranking import RankedBatch
from transforms.messages.recommendations import Labels

MAX_UNUSED_POLICIES = 32
"""Number of labels up to which those without an open recommendation are kept."""


def _no_rows() -> OpenTable:
    none: Int64s = np.zeros(0, np.int64)
    wide: Int64s = np.zeros((0, 0), np.int64)
    no_bytes: Int8s = np.zeros((0, 0), np.int8)
    no_floats: Float32s = np.zeros((0, 0), np.float32)
    booleans = np.zeros((0, 0), bool), np.zeros(0, bool)
    return OpenTable(
        none, none, wide, none, none, no_bytes, *booleans, no_floats, wide, none, no_floats
    )


def _no_minutes() -> PolicyMinutes:
    none: Int64s = np.zeros(0, np.int64)
    return PolicyMinutes(np.zeros(0, f"S{POLICY_BYTES}"), none, none, none, np.zeros(0))


@dataclass(frozen=True, eq=False)
class FeedbackState:
    """A shard's open recommendations and sums. Methods return a new state.

    A step of the shard is a run of work units with one `complete_until`, each for a range of
    users. During a step, the rows of users whose unit has been processed are in `processed`.

    Attributes:
        next_sequence: sequence number of the next work unit.
        complete_until: all steps up to this event time have been processed, in seconds since the
            epoch; -1 at first.
        early: number of work units in state that arrived before their turn.
        open: open recommendations; during a step, of the users whose unit is still to come.
        processed: open recommendations of the users whose units of the step were processed.
        minutes: sums over recommendations whose reward window has passed.
        policies: labels of policies; `open.policy` is an index into it.
    """

    next_sequence: int = 0
    complete_until: int = -1
    early: int = 0
    open: OpenTable = field(default_factory=_no_rows)
    processed: tuple[OpenTable, ...] = ()
    minutes: tuple[PolicyMinutes, ...] = ()
    policies: Labels = field(default_factory=lambda: np.full(1, POPULAR, f"S{POLICY_BYTES}"))

    def with_policies_of(self, batch: RankedBatch) -> tuple[FeedbackState, RankedBatch]:
        """Adds the batch's policies to the state, and numbers those of the batch accordingly."""
        names = list(dict.fromkeys((*self.policies.tolist(), *batch.policies.tolist())))
        number = np.array([names.index(name) for name in batch.policies.tolist()], np.int64)
        labels = np.array(names, self.policies.dtype)
        return replace(self, policies=labels), batch.replaced(
            policies=labels, policy_index=number[batch.policy_index]
        )

    def take_users(self, last_user: int) -> tuple[OpenTable, FeedbackState]:
        """Takes out the open rows of users up to `last_user`: the rows, and the state without."""
        end = int(np.searchsorted(self.open.user, last_user, side="right"))
        rest = self.open.take(slice(end, None))
        return self.open.take(slice(end)), replace(self, open=rest)

    def put_back(self, rows: OpenTable) -> FeedbackState:
        """Adds the rows of a work unit's users after the unit was processed."""
        return replace(self, processed=(*self.processed, rows))

    def end_step(self, complete_until: int) -> FeedbackState:
        """The state after the last work unit of a step: all rows are open again."""
        rows = _joined(self.processed)
        policies = self.policies
        if len(policies) > MAX_UNUSED_POLICIES:
            # A job that loads ever newer models must not keep all their labels.
            used = np.union1d(rows.policy, [0])
            policies = policies[used]
            rows = rows.replaced(policy=np.searchsorted(used, rows.policy))
        return replace(
            self, complete_until=complete_until, open=rows, processed=(), policies=policies
        )

    def add_minutes(self, sums: PolicyMinutes) -> FeedbackState:
        """Adds sums."""
        return replace(self, minutes=(*self.minutes, sums))

    def take_minutes(self, last: int) -> tuple[PolicyMinutes, FeedbackState]:
        """Takes out the sums of minutes that started at `last` or before."""
        if not self.minutes:
            return _no_minutes(), self
        sums = PolicyMinutes.merged(self.minutes)
        over = sums.minute <= last
        rest = sums.take(~over)
        return sums.take(over), replace(self, minutes=(rest,) if len(rest) else ())


def _joined(tables: tuple[OpenTable, ...]) -> OpenTable:
    return OpenTable.joined(tables) if any(map(len, tables)) else _no_rows()


class FeedbackStateCoder(beam.coders.Coder):
    """Encodes a state as columns: its numbers, the labels, two tables and the sums."""

    def encode(self, value: FeedbackState) -> bytes:
        """Encodes a state."""
        numbers = np.array([value.next_sequence, value.complete_until, value.early])
        minutes = PolicyMinutes.merged(value.minutes) if value.minutes else _no_minutes()
        processed = _joined(value.processed)
        columns = (
            numbers,
            value.policies,
            *value.open.columns(),
            *processed.columns(),
            *minutes.columns(),
            *name_columns(IdNames.merged((value.open.own_names(), processed.own_names()))),
        )
        return write_columns(columns)

    def decode(self, encoded: bytes) -> FeedbackState:
        """Decodes what `encode` wrote."""
        numbers, policies, *rest = read_columns(encoded)
        wide = len(column_names(OpenTable))
        end = 2 * wide + len(column_names(PolicyMinutes))
        names = names_in(rest[end:])
        processed = OpenTable(*rest[wide : 2 * wide]).named(names)
        minutes = PolicyMinutes(*rest[2 * wide : end])
        next_sequence, complete_until, early = numbers.tolist()
        return FeedbackState(
            next_sequence=next_sequence,
            complete_until=complete_until,
            early=early,
            open=OpenTable(*rest[:wide]).named(names),
            processed=(processed,) if len(processed) else (),
            minutes=(minutes,) if len(minutes) else (),
            policies=policies,
        )

    def is_deterministic(self) -> bool:
        """Equal states have equal bytes."""
        return True

    def to_type_hint(self) -> type[FeedbackState]:
        """The type that is encoded."""
        return FeedbackState
