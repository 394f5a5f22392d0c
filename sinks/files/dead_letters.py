"""Dead letters in a file of JSON lines."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems

from transforms.messages.dead_letters import DeadLetterBatch

BYTES_PER_WRITE = 4 << 20


class WriteDeadLetters(beam.PTransform):
    """Appends dead letters to a file, one write for each bundle.

    A dead letter names its place in the source: where a bundle is repeated after a failure, the
    same lines are written again. Object stores cannot append. There the path is a folder with a
    file for each bundle, whose name is a hash of its content.

    Args:
        path: a file, or a URL of a folder that Beam's file systems can write to.
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def expand(self, letters: beam.PCollection[DeadLetterBatch]) -> beam.PCollection[None]:
        """Appends each bundle's letters."""
        return letters | "Append" >> beam.ParDo(_Append(self._path))


class _Append(beam.DoFn):
    def __init__(self, path: str) -> None:
        self._path = path
        self._lines = bytearray()

    def start_bundle(self) -> None:
        self._lines = bytearray()

    def process(self, letters: DeadLetterBatch) -> Iterator[None]:
        self._lines += letters.to_json_lines()
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
        if "://" in self._path:
            name = hashlib.sha256(data).hexdigest()[:20]
            with FileSystems.create(f"{self._path}/{name}.jsonl") as file:
                file.write(data)
            return
        Path(self._path).parent.mkdir(parents=True, exist_ok=True)
        # One write to a file opened for appending: lines of two workers do not mix.
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(file, data)
        finally:
            os.close(file)
