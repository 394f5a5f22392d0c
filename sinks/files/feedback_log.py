"""The feedback log: Parquet files that off-policy training and evaluation read.

The schema metadata of each file has the key `rivulet`: the job's settings as a JSON object. Readers
take the reward window and the history size from it.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io.filesystems import FileSystems
from apache_beam.transforms.window import FixedWindows

from sinks.files import disk
from sinks.retry import retry_outages
from sinks.rows import policy_names
from transforms.columns.id_names import IdNames
from transforms.columns.names import Names
from transforms.messages.events import Int64s
from transforms.messages.feedback import Feedback
from transforms.messages.job import JobSettings
from transforms.messages.recommendations import explored_places

SETTINGS_KEY = b"rivulet"
"""Key of the schema metadata that holds the job's settings."""


class WriteFeedback(beam.PTransform):
    """Writes feedback to Parquet files, those of each run in a folder of its own.

    The name of a file is made of its content: a repeated write replaces the file.

    Args:
        folder: the folder. A run's files are in `run-RUN` in it, where there are settings.
        bounded: the input is bounded: each frame is a file. Otherwise a file has the rows of a
            shard in a window.
        settings: the job's settings, for the files' metadata.
        window: seconds of event time in one file of an unbounded stream.
    """

    def __init__(
        self, folder: str, bounded: bool, settings: JobSettings | None = None, window: int = 600
    ) -> None:
        super().__init__()
        self._folder, self._bounded, self._settings = folder, bounded, settings
        self._window = window

    def expand(self, feedback: beam.PCollection[tuple[int, Feedback]]) -> beam.PCollection[None]:
        """Groups the rows to files and writes them."""
        settings = self._settings
        run = [] if settings is None else [f"run-{settings.run}"]
        folder = FileSystems.join(self._folder, *run)
        if self._bounded:
            gathered = feedback | "Frame to file" >> beam.MapTuple(
                lambda shard, rows: (shard, [rows])
            )
        else:
            gathered = (
                feedback
                | "Window" >> beam.WindowInto(FixedWindows(self._window))
                | "Group" >> beam.GroupByKey()
            )
        return gathered | "Write Parquet" >> beam.ParDo(_WriteFile(folder, self._settings))


def to_table(rows: Feedback, settings: JobSettings | None = None) -> pa.Table:
    """Feedback as an Arrow table, with the columns of the feedback log (spec section 5).

    Ids are numbers, or where the rows have names strings.

    Args:
        rows: the feedback.
        settings: the job's settings, for the schema's metadata.
    """
    names = rows.names or IdNames()
    item_names = names.item
    table = pa.table(
        {
            "user": _ids(names.user, rows.user),
            "time": rows.time,
            "history": _ragged(rows.history, rows.history_length, item_names),
            "items": _ragged(rows.items, rows.length, item_names),
            "policy": policy_names(rows.policy),
            "propensities": _ragged(rows.propensities, rows.length),
            "explored": _ragged(explored_places(rows.propensities), rows.length),
            "rewards": _ragged(rows.rewards, rows.length),
        }
    )
    if rows.plain_rewards.shape[1]:
        plain = _ragged(rows.plain_rewards, rows.length)
        table = table.append_column("plain_rewards", plain)
    if settings is None:
        return table
    return table.replace_schema_metadata({SETTINGS_KEY: settings.settings_json()})


def _ids(names: Names | None, ids: Int64s) -> pa.Array:
    return pa.array(ids) if names is None else names.texts(ids)


def _ragged(
    matrix: Int64s | np.ndarray, length: Int64s, names: Names | None = None
) -> pa.ListArray:
    real = np.arange(matrix.shape[1]) < length[:, None]
    offsets = np.concatenate(([0], np.cumsum(real.sum(axis=1)))).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), _ids(names, matrix[real]))


class FeedbackFolder:
    """A folder of Parquet files, each of which appears whole.

    Args:
        name: the folder, or a URL that Beam's file systems can write to.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def is_outage(self, error: BaseException) -> bool:
        """Whether the error is expected to pass."""
        return disk.is_outage(error)

    def write(self, name: str, data: bytes) -> None:
        """Writes a file, or replaces it."""
        if "://" in self.name:
            with FileSystems.create(FileSystems.join(self.name, name)) as file:
                file.write(data)
            return
        folder = Path(self.name)
        folder.mkdir(parents=True, exist_ok=True)
        # Readers skip hidden files.
        partial = folder / f".{name}.{uuid.uuid4().hex}"
        try:
            partial.write_bytes(data)
            partial.replace(folder / name)
        finally:
            partial.unlink(missing_ok=True)


class _WriteFile(beam.DoFn):
    def __init__(self, folder: str, settings: JobSettings | None) -> None:
        self._folder, self._settings = FeedbackFolder(folder), settings

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
            retry_outages(self._folder)(self._folder.write, name, sink.getvalue().to_pybytes())
        return iter(())
