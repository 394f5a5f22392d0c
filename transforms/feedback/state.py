"""The state of a shard's feedback: what is open, what was summed, and which part is next."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import apache_beam as beam
import numpy as np

from transforms.columns.codec import read_columns, write_columns
from transforms.columns.frames import column_names
from transforms.feedback.table import OpenTable
from transforms.fill import POPULAR
from transforms.messages.events import Float32s, Int8s, Int64s
from transforms.messages.minutes import PolicyMinutes
from transforms.messages.ranked_lists import POLICY_BYTES
from transforms.messages.ranking import RankedBatch
from transforms.messages.recommendations import Labels

FEW_POLICIES = 32
"""Labels of policies from which on those that nothing open is of are forgotten."""


def _no_rows() -> OpenTable:
    none: Int64s = np.zeros(0, np.int64)
    wide: Int64s = np.zeros((0, 0), np.int64)
    no_bytes: Int8s = np.zeros((0, 0), np.int8)
    no_floats: Float32s = np.zeros((0, 0), np.float32)
    truths = np.zeros((0, 0), bool), np.zeros(0, bool)
    return OpenTable(none, none, wide, none, none, no_bytes, *truths, no_floats, wide, none)


def _no_minutes() -> PolicyMinutes:
    none: Int64s = np.zeros(0, np.int64)
    return PolicyMinutes(np.zeros(0, f"S{POLICY_BYTES}"), none, none, none, np.zeros(0))


@dataclass(frozen=True, eq=False)
class FeedbackState:
    """A shard's state; each method that changes it gives another one.

    Attributes:
        next: the number of the part to take next.
        now: the moment up to which all was taken.
        early: how many parts wait that came before their turn.
        open: open recommendations of all users, but for those whose turn is over: between two
            parts up to the same moment their rows are in `turned_rows`.
        turned_rows: rows of the users of the parts up to the moment that is being taken.
        minutes: sums of recommendations that have had their window.
        policies: labels of policies; `open.policy` is a place among them.
    """

    next: int = 0
    now: int = -1
    early: int = 0
    open: OpenTable = field(default_factory=_no_rows)
    turned_rows: tuple[OpenTable, ...] = ()
    minutes: tuple[PolicyMinutes, ...] = ()
    policies: Labels = field(default_factory=lambda: np.full(1, POPULAR, f"S{POLICY_BYTES}"))

    def translate(self, shown: RankedBatch) -> tuple[FeedbackState, RankedBatch]:
        """The recommendations with their policies numbered as here, and the ledger with them."""
        names = list(dict.fromkeys((*self.policies.tolist(), *shown.policies.tolist())))
        place = np.array([names.index(name) for name in shown.policies.tolist()], np.int64)
        labels = np.array(names, self.policies.dtype)
        return replace(self, policies=labels), replace(
            shown, policies=labels, policy=place[shown.policy]
        )

    def held(self, upto: int) -> tuple[OpenTable, FeedbackState]:
        """The open rows of users up to `upto`, and the ledger without them."""
        end = int(np.searchsorted(self.open.user, upto, side="right"))
        rest = self.open.take(slice(end, None))
        return self.open.take(slice(end)), replace(self, open=rest)

    def keep(self, rows: OpenTable) -> FeedbackState:
        """With the rows of a part's users after the part."""
        return replace(self, turned_rows=(*self.turned_rows, rows))

    def turned(self, now: int) -> FeedbackState:
        """When the last part up to `now` was taken: all rows are open for the next turn."""
        rows = _joined(self.turned_rows)
        policies = self.policies
        if len(policies) > FEW_POLICIES:
            # A job that takes ever newer models must not remember all of them.
            used = np.union1d(rows.policy, [0])
            policies = policies[used]
            rows = replace(rows, policy=np.searchsorted(used, rows.policy))
        return replace(self, now=now, open=rows, turned_rows=(), policies=policies)

    def add(self, sums: PolicyMinutes) -> FeedbackState:
        """With more sums."""
        return replace(self, minutes=(*self.minutes, sums))

    def minutes_until(self, last: int) -> tuple[PolicyMinutes, FeedbackState]:
        """The sums of minutes that began at `last` or before, and the ledger without them."""
        if not self.minutes:
            return _no_minutes(), self
        sums = PolicyMinutes.merged(self.minutes)
        over = sums.minute <= last
        rest = sums.take(~over)
        return sums.take(over), replace(self, minutes=(rest,) if len(rest) else ())


def _joined(tables: tuple[OpenTable, ...]) -> OpenTable:
    # An empty table may be of another width: before the first recommendation none is known.
    filled = [table for table in tables if len(table)]
    return OpenTable.concat(filled) if filled else _no_rows()


class FeedbackStateCoder(beam.coders.Coder):
    """Writes a ledger as columns: its numbers, two tables, the sums and the labels."""

    def encode(self, value: FeedbackState) -> bytes:
        """The ledger as bytes."""
        numbers = np.array([value.next, value.now, value.early])
        minutes = PolicyMinutes.merged(value.minutes) if value.minutes else _no_minutes()
        columns = (
            numbers,
            value.policies,
            *value.open.columns(),
            *_joined(value.turned_rows).columns(),
            *minutes.columns(),
        )
        return write_columns(columns)

    def decode(self, encoded: bytes) -> FeedbackState:
        """The ledger that `encode` wrote."""
        numbers, policies, *rest = read_columns(encoded)
        wide = len(column_names(OpenTable))
        turned = OpenTable(*rest[wide : 2 * wide])
        minutes = PolicyMinutes(*rest[2 * wide :])
        number, now, early = numbers.tolist()
        return FeedbackState(
            next=number,
            now=now,
            early=early,
            open=OpenTable(*rest[:wide]),
            turned_rows=(turned,) if len(turned) else (),
            minutes=(minutes,) if len(minutes) else (),
            policies=policies,
        )

    def is_deterministic(self) -> bool:
        """Equal ledgers have equal bytes."""
        return True

    def to_type_hint(self) -> type[FeedbackState]:
        """What it codes."""
        return FeedbackState
