"""Files of a model directory: bounded reads, and writes that replace a file as a whole.

A model directory comes from outside: from a training on another machine, a copy, a mounted
volume. What is read is therefore a regular file, inside the folder that the user named, and
of limited size. This module needs no PyTorch.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from rivulet.errors import UserError

MODEL_BYTES = 8 << 30
"""Default limit of a file of a model directory, in bytes."""

INFO_BYTES = 1 << 20
"""Limit of model.json and CURRENT, in bytes."""


class ModelError(UserError, RuntimeError):
    """A model directory is missing, incomplete or broken."""


class ModelReadError(ModelError):
    """The operating system could not read a file; a later attempt may succeed."""


def read_file(path: Path, root: Path, limit: int) -> bytes:
    """The content of a file.

    Args:
        path: the file.
        root: the folder that must contain it, also after following links.
        limit: most bytes.

    Raises:
        FileNotFoundError: there is no such file.
        ModelReadError: the operating system cannot read it now.
        ModelError: it is not a regular file, lies outside `root`, or is too large.
    """
    try:
        whole = path.resolve(strict=True)
        if not whole.is_relative_to(root.resolve()):
            raise ModelError(f"{path} is a link out of {root}: copy the file there instead")
        # O_NONBLOCK: opening a named pipe must not wait for a writer.
        descriptor = os.open(whole, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise ModelError(f"{path} is not a regular file")
            if status.st_size > limit:
                raise ModelError(f"{path} has {status.st_size:,} bytes; the limit is {limit:,}")
            content = file.read(limit + 1)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(f"{path} is missing") from error
    except (OSError, MemoryError) as error:
        raise ModelReadError(f"{path} cannot be read: {error or 'out of memory'}") from error
    except (RuntimeError, ValueError) as error:
        if isinstance(error, ModelError):
            raise
        # A loop of links, or a null byte in the path.
        raise ModelError(f"{path} cannot be read: {error}") from error
    if len(content) > limit:
        raise ModelError(f"{path} grows while it is read; the limit is {limit:,} bytes")
    return content


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its type."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def digest_of(content: bytes) -> str:
    """SHA-256 of a content, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def replace_files(
    directory: Path, writers: dict[str, Callable[[BinaryIO], object]]
) -> dict[str, str]:
    """Writes files under temporary names and then renames them, in this order.

    Args:
        directory: where to write.
        writers: for each file's name, what writes its content.

    Returns:
        For each file's name, the SHA-256 of the new content in hexadecimal.
    """
    temporary = {name: directory / f".{name}.{os.getpid()}.tmp" for name in writers}
    digests = {}
    try:
        for name, write in writers.items():
            with temporary[name].open("w+b") as file:
                write(file)
                file.seek(0)
                digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
        for name, path in temporary.items():
            path.replace(directory / name)
    finally:
        for path in temporary.values():
            path.unlink(missing_ok=True)
    return digests
