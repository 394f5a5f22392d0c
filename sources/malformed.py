"""The limit on the share of malformed input (`--max_malformed`, spec section 1).

Input of the wrong format should end the job at once with the reason, not fill the dead letters.
The share is looked at after the first 1,000 lines, and at the end of a bounded input.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import apache_beam as beam
import numpy as np

from rivulet.errors import PermanentError
from sources.parsing.malformed import MalformedRows
from transforms.messages.dead_letters import DeadLetterBatch

MALFORMED = "malformed"
"""The output of a source for dead letters."""

TALLIES = "tallies"
"""The output of a source for `MalformedTally`s."""

FIRST_LINES = 1_000
_SHOWN = 60


class MalformedInputError(PermanentError, ValueError):
    """More of the input is malformed than is allowed: the job fails, with status 1."""


@dataclass(frozen=True)
class MalformedTally:
    """How many lines were read, and how many were malformed for which reason.

    Attributes:
        lines: all lines.
        counts: malformed lines by reason.
        examples: a malformed line for each reason, with its source.
    """

    lines: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    examples: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def of(lines: int, letters: DeadLetterBatch) -> MalformedTally:
        """The tally of a batch of lines, of which these were malformed."""
        if not len(letters):
            return MalformedTally(lines)
        reasons = letters.columns.column("reason")
        counted = {pair["values"]: pair["counts"] for pair in reasons.value_counts().to_pylist()}
        rows = {reason: reasons.index(reason).as_py() for reason in counted}
        examples = {
            reason: f"{letter.raw[:_SHOWN]!r} at {letter.source}"
            for reason, row in rows.items()
            for letter in DeadLetterBatch(letters.columns.slice(row, 1))
        }
        return MalformedTally(lines, counted, examples)

    def __add__(self, other: MalformedTally) -> MalformedTally:
        counts = dict(self.counts)
        for reason, count in other.counts.items():
            counts[reason] = counts.get(reason, 0) + count
        return MalformedTally(self.lines + other.lines, counts, {**other.examples, **self.examples})

    def check(self, most: float, where: str) -> None:
        """Makes sure that not too much is malformed.

        Args:
            most: the largest share of malformed lines that is accepted.
            where: which lines these are, for the error.

        Raises:
            MalformedInputError: the share is larger.
        """
        malformed = sum(self.counts.values())
        if malformed <= most * self.lines:
            return
        reason = max(self.counts, key=lambda name: (self.counts[name], name))
        raise MalformedInputError(
            f"{malformed:,} of {where} {self.lines:,} lines are malformed, most often "
            f"'{reason}', for example {self.examples[reason]}; check the input's columns, or "
            "accept more with --max_malformed (1 for any)"
        )


class FirstLines:
    """Checks the first lines that a reader reads; may be called from any thread.

    Args:
        most: the largest share of malformed lines that is accepted; 1 for any.
    """

    def __init__(self, most: float) -> None:
        self._most = most
        self._seen = MalformedTally()
        self._open = most < 1
        self._lock = threading.Lock()

    def add(self, lines: int, malformed: MalformedRows, letters: DeadLetterBatch) -> None:
        """Adds the next lines; of those beyond the first 1,000 nothing is looked at.

        Args:
            lines: how many lines there are.
            malformed: those that are malformed, numbered from 0.
            letters: the dead letters of these.

        Raises:
            MalformedInputError: the first 1,000 are complete, and too many are malformed.
        """
        with self._lock:
            if not self._open:
                return
            looked_at = min(lines, FIRST_LINES - self._seen.lines)
            size = int(np.searchsorted(malformed.row, looked_at))
            first = DeadLetterBatch(letters.columns.slice(0, size))
            self._seen += MalformedTally.of(looked_at, first)
            if self._seen.lines >= FIRST_LINES:
                seen, self._seen = self._seen, MalformedTally()
                # A job that a runner starts again after the error is checked again.
                seen.check(self._most, "the first")
                self._open = False


class CheckMalformed(beam.PTransform):
    """Ends the job if too much of a bounded input is malformed.

    Args:
        most: the largest share of malformed lines that is accepted.
    """

    def __init__(self, most: float) -> None:
        super().__init__()
        self._most = most

    def expand(self, tallies: beam.PCollection[MalformedTally]) -> beam.PCollection[None]:
        """Adds up the tallies when the input is complete, and checks the sum."""
        return (
            tallies
            | "Add up" >> beam.CombineGlobally(_sum).without_defaults()
            | "Check" >> beam.ParDo(_Check(self._most))
        )


def _sum(tallies: Iterable[MalformedTally]) -> MalformedTally:
    return sum(tallies, MalformedTally())


class _Check(beam.DoFn):
    def __init__(self, most: float) -> None:
        self._most = most

    def process(self, tally: MalformedTally) -> Iterator[None]:
        tally.check(self._most, "all")
        return iter(())
