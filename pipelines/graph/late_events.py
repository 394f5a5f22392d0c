"""Late events as dead letters."""

from __future__ import annotations

import logging

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc

from transforms.columns.id_names import IdNames
from transforms.columns.names import id_texts
from transforms.messages.dead_letters import DeadLetterBatch
from transforms.messages.events import BEHAVIORS, EventBatch
from transforms.progress import SHARED_PROGRESS, ProgressCounters

LATE = "late"

_LOG = logging.getLogger(__name__)


def _csv_field(texts: pa.StringArray) -> pa.StringArray:
    """The texts as fields of CSV: quoted where they have a comma or a quote (RFC 4180)."""
    special = pc.match_substring_regex(texts, '[,"]')
    if not pc.any(special).as_py():
        return texts
    doubled = pc.replace_substring(texts, '"', '""')
    return pc.if_else(special, pc.binary_join_element_wise('"', doubled, '"', ""), texts)


@beam.typehints.with_output_types(DeadLetterBatch)
class LateEventsToDeadLetters(beam.DoFn):
    """Makes dead letters of late events, whose `raw` is written as CSV on Kafka.

    Args:
        source: the input's name, without secrets.
        progress: the job's counters.
        alarm: share of late events in a minute of the clock above which a worker logs a warning and
            counts an alarm; 1 for never.
        behaviors: whether `raw` has the behavior.
    """

    def __init__(
        self,
        source: str,
        progress: ProgressCounters = SHARED_PROGRESS,
        alarm: float = 1.0,
        *,
        behaviors: bool = True,
    ) -> None:
        self._source, self._progress, self._alarm = source, progress, alarm
        self._behaviors = behaviors
        self._late = progress.metric("late")
        self._alarms = progress.metric("late_alarms")

    def start_bundle(self) -> None:
        """Looks at the share of late events, also where none arrive."""
        share = self._progress.late_share() if self._alarm < 1 else None
        if share is None or share <= self._alarm:
            return
        self._alarms.inc()
        self._progress.add("late_alarms", 1)
        _LOG.warning(
            "%s: %.0f%% of the events of the last minute were late, more than --late_alarm=%g. "
            "They are recorded, but in no ranking or recommendation. Check the producers' clocks; "
            "for events out of order raise --max_out_of_orderness.",
            self._source, 100 * share, self._alarm,
        )  # fmt: skip

    def process(self, batch: EventBatch) -> list[DeadLetterBatch]:
        """Counts and converts a batch."""
        size = len(batch)
        self._late.inc(size)
        self._progress.add("late", size)
        names = batch.names or IdNames()
        numbers = (
            _csv_field(id_texts(names.user, batch.user)),
            _csv_field(id_texts(names.item, batch.item)),
            pa.array(batch.time).cast(pa.string()),
        )
        behavior = pa.array(BEHAVIORS, pa.string()).take(pa.array(batch.behavior))
        fields = (*numbers, behavior) if self._behaviors else numbers
        raw = pc.binary_join_element_wise(*fields, ",")
        source, reason = (pa.repeat(pa.scalar(text), size) for text in (self._source, LATE))
        return [DeadLetterBatch.of_columns(source, reason, raw, pa.array(batch.time))]
