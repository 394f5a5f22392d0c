"""The version of a model in use: the file CURRENT, and whether the files have changed.

A model's folder is a model directory, or holds several, one per version, and a file CURRENT with
the name of the one in use, or with several that share the users (`inference.models.stages`). This
module needs no PyTorch.
"""

from __future__ import annotations

from pathlib import Path

from inference.models.files import INFO_BYTES, ModelError, read_file
from inference.models.info import INFO
from inference.models.stages import Stage, parse_current

CURRENT = "CURRENT"

Signature = tuple[tuple[str, int, int, int], ...]


def current_stages(folder: Path) -> tuple[Stage, ...]:
    """The stages that CURRENT says; none where the folder is a model directory itself.

    Raises:
        ModelError: CURRENT is wrong, or is missing.
    """
    path = folder / CURRENT
    try:
        text = read_file(path, folder, INFO_BYTES).decode("utf-8").strip()
    except FileNotFoundError:
        if not (folder / INFO).exists() and folder.is_dir() and any(folder.glob(f"*/{INFO}")):
            raise ModelError(
                f"{folder} has versions but no file {CURRENT} that names the one to use"
            ) from None
        return ()
    except UnicodeDecodeError as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    return parse_current(text, path)


def current_directory(folder: Path) -> Path:
    """The model directory in use: `folder` itself, or the version that CURRENT names.

    Of several versions in CURRENT it is that with the largest share in the last stage.

    Raises:
        ModelError: CURRENT names no sub-folder, or is missing.
    """
    stages = current_stages(folder)
    return folder / stages[-1].main if stages else folder


def signature(directory: Path) -> Signature:
    """Name, inode, size and time of change of each file in a folder; equal while none changes.

    Files whose names begin with a dot are left out: these are writes that have not ended.
    """
    try:
        found = []
        for path in directory.iterdir():
            if not path.name.startswith(".") and path.is_file():
                status = path.stat()
                found.append((path.name, status.st_ino, status.st_size, status.st_mtime_ns))
        return tuple(sorted(found))
    except OSError:
        return ()
