"""Dead letters in a file of JSON lines."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import Metrics

from sinks.files.append_file import AppendFile
from sinks.files.redaction import bounded, redacted
from sinks.options import DeadLetterSettings
from sinks.retry import retry_outages
from transforms.messages.dead_letters import DeadLetterBatch
from transforms.progress import SHARED_PROGRESS, ProgressCounters

BYTES_PER_WRITE = 4 << 20
"""Bytes of lines after which they are written, though the bundle goes on."""


class WriteDeadLetters(beam.PTransform):
    """Appends dead letters to a file, one write for each bundle.

    A bundle ends when its lines are written whole. While the disk is full, the write is tried again
    as for a store. A dead letter names its place in the source: where a bundle is repeated after a
    failure, the same lines are written again.

    Object stores cannot append. There the path is a folder with a file for each bundle, whose name
    is a hash of its content; such files are not rotated.

    Args:
        settings: the file, its limits, and the fields that are left out.
        progress: the job's counters.
    """

    def __init__(
        self, settings: DeadLetterSettings, progress: ProgressCounters = SHARED_PROGRESS
    ) -> None:
        super().__init__()
        self._settings, self._progress = settings, progress

    def expand(self, letters: beam.PCollection[DeadLetterBatch]) -> beam.PCollection[None]:
        """Appends each bundle's letters."""
        return letters | "Append" >> beam.ParDo(_Append(self._settings, self._progress))


class _Append(beam.DoFn):
    def __init__(self, settings: DeadLetterSettings, progress: ProgressCounters) -> None:
        self._settings, self._progress = settings, progress
        self._lines = bytearray()
        self._retries = Metrics.counter("rivulet", "sink_retries")

    def start_bundle(self) -> None:
        self._lines = bytearray()

    def process(self, letters: DeadLetterBatch) -> Iterator[None]:
        settings = self._settings
        letters = redacted(letters, settings.redact)
        self._lines += bounded(letters, settings.raw_characters()).to_json_lines()
        if len(self._lines) >= BYTES_PER_WRITE:
            self._flush()
        return iter(())

    def finish_bundle(self) -> None:
        self._flush()

    def _flush(self) -> None:
        data = bytes(self._lines)
        self._lines = bytearray()
        if not data:
            return
        path = self._settings.dead_letters
        if "://" in path:
            name = hashlib.sha256(data).hexdigest()[:20]
            with FileSystems.create(f"{path}/{name}.jsonl") as file:
                file.write(data)
            return
        file = AppendFile(path, self._settings.max_bytes(), self._settings.dead_letters_keep)
        retry_outages(file, self._retries.inc, self._progress)(file.append, data)
