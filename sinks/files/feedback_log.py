"""The feedback log: Parquet files that off-policy training and evaluation read.

The schema metadata of each file has the key `rivulet`: the job's settings as a JSON object. Readers
take the reward window and the history size from it.
"""

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
from transforms.messages.job import JobSettings

STREAMING_WINDOW = 600
"""Seconds of event time in one file of an unbounded stream."""

SETTINGS_KEY = b"rivulet"
"""Key of the schema metadata that holds the job's settings."""


class WriteFeedback(beam.PTransform):
    """Writes feedback to Parquet files in a folder.

    The name of a file is made of its content: a repeated write replaces the file.

    Args:
        folder: the folder.
        bounded: the input is bounded: each frame is a file. Otherwise a file has the rows of a
            shard in STREAMING_WINDOW.
        settings: the job's settings, for the files' metadata.
    """

    def __init__(self, folder: str, bounded: bool, settings: JobSettings | None = None) -> None:
        super().__init__()
        self._folder, self._bounded, self._settings = folder, bounded, settings

    def expand(self, feedback: beam.PCollection[tuple[int, Feedback]]) -> beam.PCollection[None]:
        """Groups the rows to files and writes them."""
        if self._bounded:
            gathered = feedback | "Frame to file" >> beam.MapTuple(
                lambda shard, rows: (shard, [rows])
            )
        else:
            gathered = (
                feedback
                | "Window" >> beam.WindowInto(FixedWindows(STREAMING_WINDOW))
                | "Group" >> beam.GroupByKey()
            )
        return gathered | "Write Parquet" >> beam.ParDo(_WriteFile(self._folder, self._settings))


def to_table(rows: Feedback, settings: JobSettings | None = None) -> pa.Table:
    """Feedback as an Arrow table: user, time, history, items, policy, propensities, rewards.

    Args:
        rows: the feedback.
        settings: the job's settings, for the schema's metadata.
    """
    table = pa.table(
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
    if settings is None:
        return table
    return table.replace_schema_metadata({SETTINGS_KEY: settings.settings_json()})


def _ragged(matrix: Int64s | np.ndarray, length: Int64s) -> pa.ListArray:
    real = np.arange(matrix.shape[1]) < length[:, None]
    offsets = np.concatenate(([0], np.cumsum(real.sum(axis=1)))).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(matrix[real]))


class _WriteFile(beam.DoFn):
    def __init__(self, folder: str, settings: JobSettings | None) -> None:
        self._folder, self._settings = folder, settings

    def process(self, group: tuple[int, Iterable[Feedback]]) -> Iterator[None]:
        shard, frames = group
        parts = list(frames)
        if parts:
            rows = Feedback.concat(parts)
            rows = rows.take(np.lexsort((rows.time, rows.user)))
            keys = hashlib.sha256(rows.user.tobytes() + rows.time.tobytes()).hexdigest()[:12]
            name = f"feedback-{rows.time.min()}-{shard:03}-{keys}.parquet"
            sink = pa.BufferOutputStream()
            pq.write_table(to_table(rows, self._settings), sink, compression="zstd")
            with FileSystems.create(FileSystems.join(self._folder, name)) as file:
                file.write(sink.getvalue().to_pybytes())
        return iter(())
