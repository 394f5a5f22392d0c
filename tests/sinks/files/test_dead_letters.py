"""Dead letters from a pipeline to their file."""

import json
import logging
from pathlib import Path

import apache_beam as beam
import pytest

from sinks import retry
from sinks.files import append_file
from sinks.files.dead_letters import WriteDeadLetters
from sinks.options import DeadLetterSettings
from tests.sinks.files.full_disk import FullDisk
from transforms.messages.dead_letters import DeadLetter, DeadLetterBatch


def write(settings: DeadLetterSettings, *letters: DeadLetter) -> None:
    with beam.Pipeline() as pipeline:
        batches = [DeadLetterBatch.of([letter]) for letter in letters]
        _ = pipeline | beam.Create(batches) | WriteDeadLetters(settings)


def letter(number: int, raw: str = "x") -> DeadLetter:
    return DeadLetter(f"t/0/{number}", "not a number", raw, None)


def found(path: Path) -> list[DeadLetter]:
    return [DeadLetter.from_json(line) for line in path.read_text().splitlines()]


def test_a_full_disk_is_waited_for_and_no_letter_is_lost_or_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(retry, "LONGEST_WAIT", 0.01)
    disk = FullDisk(room=700, frees=5)
    monkeypatch.setattr(append_file.os, "write", disk.write)
    letters = [letter(number, "y" * number) for number in range(300)]
    path = tmp_path / "letters.jsonl"
    with caplog.at_level(logging.WARNING):
        write(DeadLetterSettings(str(path)), *letters)
    assert disk.failed == 5
    assert sorted(found(path), key=str) == sorted(letters, key=str)
    assert f"{path} does not answer (OSError" in caplog.text


def test_the_settings_limit_and_redact_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    settings = DeadLetterSettings(str(path), dead_letters_raw=1, redact=("user",))
    write(settings, letter(1, json.dumps({"user": 5, "note": "z" * 5_000})))
    (one,) = found(path)
    assert "user" not in one.raw
    assert one.raw.endswith("zz... [cut: 5012 characters]")
    assert len(one.raw) < 1_100


def test_a_file_that_is_full_is_renamed(tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    settings = DeadLetterSettings(str(path), dead_letters_max=1, dead_letters_keep=1)
    for number in range(4):
        write(settings, letter(number, "x" * 60_000), *[letter(9, "x" * 60_000)] * 9)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["letters.jsonl", "letters.jsonl.1"]
    assert all(one.stat().st_size < 1_000_000 for one in tmp_path.iterdir())
    assert len(found(path)) == len(found(tmp_path / "letters.jsonl.1")) == 10
