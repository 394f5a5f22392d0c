"""Stores and disks that do not behave: commands as a user runs them."""

import json
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from deploy.servers.mysql import MySQL
from pipelines import record
from sinks import retry
from sinks.files import append_file
from tests.sinks.files.full_disk import FullDisk
from transforms.messages.dead_letters import DeadLetter

pytestmark = pytest.mark.hostile

BAD_LINES = 24_000
WAIT = 120.0
"""Seconds that a test waits for what must happen; far more than it takes."""


@pytest.fixture
def bad_file(tmp_path: Path) -> Path:
    """A file of mostly malformed lines."""
    path = tmp_path / "clicks.csv"
    bad = "".join(f"{number},no number,3\n" for number in range(BAD_LINES))
    path.write_text(f"user,item,time\n1,2,1500000000\n{bad}")
    return path


def flags(folder: Path, bad_file: Path, letters: Path) -> list[str]:
    return [
        f"--input={bad_file}", f"--record_sink=sqlite:///{folder}/x.db", "--max_malformed=1",
        f"--dead_letters={letters}",
    ]  # fmt: skip


def letters_in(path: Path) -> list[DeadLetter]:
    text = path.read_text()
    assert text.endswith("\n")
    return [DeadLetter.from_json(line) for line in text.splitlines()]


def numbers(letters: list[DeadLetter]) -> list[int]:
    return sorted(int(letter.raw.split(",")[0]) for letter in letters)


def test_on_a_disk_that_fills_up_every_dead_letter_is_written_whole(
    tmp_path: Path, bad_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "LONGEST_WAIT", 0.01)
    disk = FullDisk(room=1_000_003, frees=4)
    monkeypatch.setattr(append_file.os, "write", disk.write)
    path = tmp_path / "letters.jsonl"
    assert record.main(flags(tmp_path, bad_file, path)) == 0
    assert disk.failed == 4
    assert numbers(letters_in(path)) == list(range(BAD_LINES))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("this user may not mount a file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_job_waits_for_room_on_a_real_disk(
    tmp_path: Path, bad_file: Path, small_disk: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = small_disk / "letters.jsonl"
    statuses: list[int] = []
    job = threading.Thread(
        target=lambda: statuses.append(record.main(flags(tmp_path, bad_file, path))), daemon=True
    )
    job.start()
    said, end = "", time.monotonic() + WAIT
    while f"{path} does not answer" not in said and time.monotonic() < end:
        time.sleep(0.05)
        said += capfd.readouterr().err
    assert f"{path} does not answer" in said
    assert job.is_alive()
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    job.join(WAIT)
    assert statuses == [0]
    assert numbers(letters_in(path)) == list(range(BAD_LINES))


def test_a_redacted_field_is_in_no_dead_letter(tmp_path: Path) -> None:
    path, letters = tmp_path / "clicks.csv", tmp_path / "letters.jsonl"
    path.write_text("user,item,time\n987654321,2,1500000000\n987654321,no number,3\n")
    arguments = [*flags(tmp_path, path, letters), "--redact=user,email"]
    assert record.main(arguments) == 0
    (letter,) = letters_in(letters)
    assert "987654321" not in letters.read_text()
    assert letter.reason == "not a number"


def test_a_dead_letters_path_that_is_a_folder_ends_the_job_in_one_line(
    tmp_path: Path, bad_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    status = 0
    try:
        status = record.main(flags(tmp_path, bad_file, tmp_path))
    except SystemExit as error:
        status = int(str(error.code))
    assert status in (1, 2)
    said = capfd.readouterr().err
    assert "choose another file with --dead_letters" in said
    assert "Traceback" not in said


def test_a_table_that_cannot_hold_the_rows_ends_the_job_in_one_line(
    tmp_path: Path, bad_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with sqlite3.connect(tmp_path / "x.db") as db:
        db.execute("CREATE TABLE record (user INT, item INT, time INT, PRIMARY KEY (user, item))")
    status = 0
    try:
        status = record.main(flags(tmp_path, bad_file, tmp_path / "letters.jsonl"))
    except SystemExit as error:
        status = int(str(error.code))
    assert status in (1, 2)
    said = capfd.readouterr().err
    assert "column behavior of table record is missing" in said
    assert "Traceback" not in said


@pytest.mark.servers
def test_a_narrow_column_of_a_server_that_is_not_strict_stores_no_wrong_value(
    mysql: MySQL, unique: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    engine = sa.create_engine(mysql.url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {unique}")
        connection.exec_driver_sql(
            f"CREATE TABLE {unique}.record (`user` BIGINT, item INT, behavior VARCHAR(8), "
            "time BIGINT, PRIMARY KEY (`user`, item, behavior, time))"
        )
    path = tmp_path / "clicks.csv"
    path.write_text(f"user,item,time\n1,{2**40},1500000000\n")
    url = mysql.url.replace("/rivulet", f"/{unique}")
    letters = tmp_path / "letters.jsonl"
    arguments = [f"--input={path}", f"--record_sink={url}", f"--dead_letters={letters}"]
    status = 0
    try:
        status = record.main(arguments)
    except SystemExit as error:
        status = int(str(error.code))
    assert status in (1, 2)
    assert "column item of table record is INTEGER" in capfd.readouterr().err
    with engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {unique}.record MODIFY item BIGINT")
    assert record.main(arguments) == 0
    with engine.connect() as connection:
        found = connection.exec_driver_sql(f"SELECT item FROM {unique}.record")  # noqa: S608
        assert [row[0] for row in found] == [2**40]
    assert not letters.exists() or not json.loads(letters.read_text() or "[]")
