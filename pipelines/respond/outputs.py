"""Where events and impressions go: a CSV file, or a Kafka topic keyed by user."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from rivulet.errors import UserError

FLUSH_SECONDS = 30.0


class OutputError(UserError):
    """An output does not take what is written; one line that says why."""


class Output(Protocol):
    """Takes lines of values, each with its user."""

    def write(self, users: Sequence[int], lines: Sequence[str]) -> None:
        """Writes lines without their ends."""

    def close(self, complete: bool) -> None:
        """Ends the output; `complete` is false after an error or Ctrl-C.

        Raises:
            OutputError: something was not accepted.
        """


class CsvFile:
    """A CSV file, which gets its name when it is complete.

    Args:
        path: the file.
        header: its first line; None for no header.
    """

    def __init__(self, path: str, header: str | None) -> None:
        self._path = Path(path)
        self._partial = self._path.with_name(self._path.name + ".partial")
        self._file = self._partial.open("w", encoding="ascii", newline="\n")
        if header:
            self._file.write(header + "\n")

    def write(self, users: Sequence[int], lines: Sequence[str]) -> None:
        """As in `Output`."""
        del users
        self._file.writelines(f"{line}\n" for line in lines)

    def close(self, complete: bool) -> None:
        """As in `Output`."""
        self._file.close()
        if complete:
            self._partial.replace(self._path)
        self._partial.unlink(missing_ok=True)


class KafkaTopic:
    """A Kafka topic.

    Args:
        url: kafka://HOST:PORT[,HOST:PORT]/TOPIC.

    Raises:
        SourceError: the URL is wrong.
        KafkaError: no broker answers.
    """

    def __init__(self, url: str) -> None:
        from kafka import KafkaProducer

        from sources.kafka.errors import connect_or_explain
        from sources.kafka.url import parse_url

        self._url, self._failed = parse_url(url), 0
        self._producer: Any = connect_or_explain(
            lambda wait: KafkaProducer(
                **self._url.client(),
                enable_idempotence=True,
                acks="all",
                linger_ms=5,
                bootstrap_timeout_ms=wait,
            )
        )

    def _count_failure(self, _: BaseException) -> None:
        self._failed += 1

    def write(self, users: Sequence[int], lines: Sequence[str]) -> None:
        """As in `Output`."""
        for user, line in zip(users, lines, strict=True):
            sent = self._producer.send(self._url.topic, line.encode(), b"%d" % user)
            sent.add_errback(self._count_failure)

    def close(self, complete: bool) -> None:
        """As in `Output`."""
        try:
            self._producer.flush(FLUSH_SECONDS)
        finally:
            self._producer.close(FLUSH_SECONDS)
        if complete and self._failed:
            raise OutputError(f"{self._url} did not accept {self._failed:,} values")


def open_output(where: str, header: str | None) -> Output:
    """The output of a .csv file's path or of a Kafka URL.

    Raises:
        OSError, SourceError, KafkaError: it cannot be opened.
    """
    return KafkaTopic(where) if where.startswith("kafka://") else CsvFile(where, header)
