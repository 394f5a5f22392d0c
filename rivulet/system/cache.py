"""Downloads, kept once for each user and shared by all data folders."""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_root() -> Path:
    """Give the folder of all downloads: `RIVULET_CACHE`, else `~/.cache/rivulet`."""
    named = os.environ.get("RIVULET_CACHE")
    if named:
        return Path(named).expanduser().resolve()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "rivulet"


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Hold an exclusive lock between processes; it falls with the process that holds it.

    Args:
        path: The lock file. It is made if missing and stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def cached(name: str, build: Callable[[Path], None]) -> Path:
    """Give the cached folder `name`, built first if it is missing.

    The folder appears whole or not at all, and only one process builds it: the others wait.

    Args:
        name: What the folder holds, with its version, so that a new version is a new folder.
        build: Fills the empty folder that it is given.

    Returns:
        The folder, complete.
    """
    folder = cache_root() / name
    if folder.is_dir():
        return folder
    with file_lock(cache_root() / f"{name}.lock"):
        if folder.is_dir():
            return folder
        part = Path(tempfile.mkdtemp(prefix=f"{name}.", suffix=".part", dir=cache_root()))
        try:
            part.chmod(0o755)
            build(part)
            part.rename(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return folder


def fingerprint(files: Iterable[Path]) -> str:
    """Give letters that change with the contents of files, to name what is made of them.

    Args:
        files: They count in this order.
    """
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:6]
