"""Prism, Beam's local streaming runner, built with Go where Beam cannot download it."""

from pathlib import Path

from rivulet.system.cache import cache_root, cached
from rivulet.system.programs import ProgramError, find_program, run

VERSION = "v2.77.0"
MODULE = f"github.com/apache/beam/sdks/v2/go/cmd/prism@{VERSION}"
FOLDER = f"prism-{VERSION}"


def binary() -> Path | None:
    """The built binary for `--prism_location`; None if it was not built on this machine."""
    found = cache_root() / FOLDER / "prism"
    return found if found.is_file() else None


def build() -> Path:
    """Builds it if it is missing (90 s, once).

    Raises:
        ProgramError: Go is missing or too old, or a module cannot be downloaded.
    """

    def go_install(folder: Path) -> None:
        go = find_program("go") or find_program("/usr/local/go/bin/go")
        if go is None:
            raise ProgramError("Prism is built with Go: install Go 1.25 or newer and try again.")
        run((str(go), "install", MODULE), "Building Prism with Go", {"GOBIN": str(folder)})

    return cached(FOLDER, go_install) / "prism"
