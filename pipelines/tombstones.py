"""Tells running jobs to forget a user: a row of their `--forget`."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

from rivulet.errors import UserError
from rivulet.urls import public_name
from sources.files.magic import GZIP, PARQUET
from sources.options import is_file_input

COLUMNS = ("user", "time")

_HEADER_BYTES = 1 << 16


class TombstoneError(UserError):
    """The row cannot be written: one line that says why."""


def tell(target: str, user: str, time: int) -> None:
    """Adds a row to a file, or sends it to a topic.

    Args:
        target: what `--forget` of the jobs names.
        user: the user's id.
        time: what the user did up to it is forgotten, in seconds since the epoch.

    Raises:
        TombstoneError: it cannot be written.
    """
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in user):
        raise TombstoneError("--user has control characters, as no id has")
    if any(0xD800 <= ord(character) <= 0xDFFF for character in user):
        raise TombstoneError("--user is not UTF-8")
    if not is_file_input(target):
        _send(target, user, time)
    elif "://" in target:
        raise TombstoneError(
            f"--forget {public_name(target)}: rows are added to local files and topics alone"
        )
    else:
        _append(Path(target), user, time)


def _append(path: Path, user: str, time: int) -> None:
    """Adds a row in the file's own format; a file without content gets a header."""
    if path.exists() and not path.is_file():
        raise TombstoneError(f"--forget {path}: it is no file")
    try:
        # One write for each row: a reader finds all of it or nothing.
        with path.open("a+b", buffering=0) as file:
            file.seek(0)
            header = file.readline(_HEADER_BYTES).removeprefix(b"\xef\xbb\xbf")
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - 1, 0))
            begin = b"" if file.read(1) in (b"", b"\n") else b"\n"
            file.write(begin + _row(path, header, user, time))
            os.fsync(file.fileno())
    except OSError as error:
        raise TombstoneError(f"--forget {path}: {error.strerror or error}") from error


def _row(path: Path, header: bytes, user: str, time: int) -> bytes:
    if header.startswith((PARQUET, GZIP)):
        raise TombstoneError(f"--forget {path}: rows are added to CSV and JSON lines alone")
    if header.lstrip().startswith(b"{"):
        return json.dumps({"user": user, "time": time}, ensure_ascii=False).encode() + b"\n"
    try:
        names = next(csv.reader([header.decode()]), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise TombstoneError(f"--forget {path}: its first line names no columns") from error
    if names and not set(COLUMNS) <= set(names):
        raise TombstoneError(f"--forget {path}: its first line must name the columns user and time")
    text = io.StringIO()
    writer = csv.DictWriter(text, names or COLUMNS, lineterminator="\n")
    if not names:
        writer.writeheader()
    writer.writerow(dict.fromkeys(names, "") | {"user": user, "time": time})
    return text.getvalue().encode()


def _send(target: str, user: str, time: int) -> None:
    from kafka import KafkaProducer
    from kafka.errors import KafkaError

    from sources.kafka.errors import connect_or_explain, describe
    from sources.kafka.url import parse_url

    url = parse_url(target)
    value = json.dumps({"user": user, "time": time}, ensure_ascii=False).encode()
    try:
        producer = connect_or_explain(
            lambda wait: KafkaProducer(**url.client(), acks="all", bootstrap_timeout_ms=wait)
        )
        try:
            producer.send(url.topic, value, user.encode()).get(30)
        finally:
            producer.close(30)
    except KafkaError as error:
        raise TombstoneError(f"--forget {url}: {describe(error)}") from error
