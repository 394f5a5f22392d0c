"""Files of a model directory are read within limits and replaced as a whole."""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

import pytest

from inference.models.files import ModelError, ModelReadError, read_file, replace_files


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_file(path, tmp_path, 5) == b"12345"
    with pytest.raises(ModelError, match="has 5 bytes; the limit is 4"):
        read_file(path, tmp_path, 4)


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to("nowhere")
    for path in ("nothing", "file/inside", "dangling"):
        with pytest.raises(FileNotFoundError):
            read_file(tmp_path / path, tmp_path, 9)


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    (folder / "version").mkdir(parents=True)
    (tmp_path / "secret").write_bytes(b"secret")
    (folder / "shared").write_bytes(b"shared")
    (folder / "version/out").symlink_to("../../secret")
    (folder / "version/in").symlink_to("../shared")
    (folder / "elsewhere").symlink_to(tmp_path)
    assert read_file(folder / "version/in", folder, 9) == b"shared"
    with pytest.raises(ModelError, match="link out of"):
        read_file(folder / "version/in", folder / "version", 9)
    for path in ("version/out", "elsewhere/secret"):
        with pytest.raises(ModelError, match="link out of"):
            read_file(folder / path, folder, 9)
    # The folder itself may be reached by a link.
    (tmp_path / "link").symlink_to(folder)
    assert read_file(tmp_path / "link/shared", tmp_path / "link", 9) == b"shared"


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    for path in ("pipe", "folder", "loop"):
        with pytest.raises(ModelError):
            read_file(tmp_path / path, tmp_path, 9)


def test_an_error_of_the_system_may_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.touch()

    def fail(*given: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(ModelReadError, match=r"file cannot be read.*Input/output error"):
        read_file(path, tmp_path, 9)


def test_files_are_replaced_together_or_not_at_all(tmp_path: Path) -> None:
    digests = replace_files(tmp_path, {"a": lambda file: file.write(b"1"), "b": lambda _: None})
    assert digests == {name: hashlib.sha256(c).hexdigest() for name, c in (("a", b"1"), ("b", b""))}

    def fail(file: BinaryIO) -> None:
        file.write(b"half")
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        replace_files(tmp_path, {"a": lambda file: file.write(b"2"), "b": fail})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"1", "b": b""}
