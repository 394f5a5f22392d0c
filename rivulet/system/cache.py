"""A user's cache of downloads and builds."""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_root() -> Path:
    """The cache folder: `RIVULET_CACHE`, or `~/.cache/rivulet` where that is not set."""
    named = os.environ.get("RIVULET_CACHE")
    if named:
        return Path(named).expanduser().resolve()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "rivulet"


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Holds an exclusive lock between processes; the system releases it when the holder ends.

    Args:
        path: the lock file; created if it is missing, and not removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def cached(name: str, build: Callable[[Path], None]) -> Path:
    """A folder of the cache, built first if it is missing.

    The folder appears complete or not at all. One process builds it while others wait.

    Args:
        name: the folder's name; it includes the version of its contents.
        build: fills the empty folder that it is called with.

    Returns:
        The complete folder.
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
    """A short hash of the contents of files, for the name of what is built from them.

    Args:
        files: the files; their order matters.
    """
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:6]
