"""The feedback log: Parquet files that off-policy training and evaluation read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io.filesystems import FileSystems
from apache_beam.transforms.window import FixedWindows

from sinks.rows import policy_names
from transforms.messages.events import Int64s
from transforms.messages.feedback import Feedback

STREAMING_WINDOW = 600
"""Seconds of event time in a file of a stream that does not end."""


class WriteFeedback(beam.PTransform):
    """Writes feedback to Parquet files in a folder, each named by what is in it.

    Args:
        folder: where.
        bounded: the stream ends: frames are large enough to be files. Otherwise what comes in
            ten minutes is gathered to a file a shard.
    """

    def __init__(self, folder: str, bounded: bool) -> None:
        super().__init__()
        self._folder, self._bounded = folder, bounded

    def expand(self, feedback: beam.PCollection[tuple[int, Feedback]]) -> beam.PCollection[None]:
        """Gather and write."""
        if self._bounded:
            gathered = feedback | "As they come" >> beam.MapTuple(
                lambda shard, rows: (shard, [rows])
            )
        else:
            gathered = (
                feedback
                | "Window" >> beam.WindowInto(FixedWindows(STREAMING_WINDOW))
                | "Gather" >> beam.GroupByKey()
            )
        return gathered | "Write Parquet" >> beam.ParDo(_WriteFile(self._folder))


def to_table(rows: Feedback) -> pa.Table:
    """Feedback as an Arrow table: user, time, history, items, policy, propensities, rewards."""
    return pa.table(
        {
            "user": rows.user,
            "time": rows.time,
            "history": _ragged(rows.history, rows.history_length),
            "items": _ragged(rows.items, rows.length),
            "policy": policy_names(rows.policy),
            "propensities": _ragged(rows.propensities, rows.length),
            "rewards": _ragged(rows.rewards, rows.length),
        }
    )


def _ragged(matrix: Int64s | np.ndarray, length: Int64s) -> pa.ListArray:
    real = np.arange(matrix.shape[1]) < length[:, None]
    offsets = np.concatenate(([0], np.cumsum(real.sum(axis=1)))).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(matrix[real]))


class _WriteFile(beam.DoFn):
    def __init__(self, folder: str) -> None:
        self._folder = folder

    def process(self, group: tuple[int, Iterable[Feedback]]) -> Iterator[None]:
        shard, frames = group
        parts = list(frames)
        if parts:
            rows = Feedback.concat(parts)
            rows = rows.take(np.lexsort((rows.time, rows.user)))
            keys = hashlib.sha256(rows.user.tobytes() + rows.time.tobytes()).hexdigest()[:12]
            name = f"feedback-{rows.time.min()}-{shard:03}-{keys}.parquet"
            sink = pa.BufferOutputStream()
            pq.write_table(to_table(rows), sink, compression="zstd")
            with FileSystems.create(FileSystems.join(self._folder, name)) as file:
                file.write(sink.getvalue().to_pybytes())
        return iter(())
