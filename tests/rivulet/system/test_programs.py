"""Builds in the cache are complete and made once; errors say what to install."""

import multiprocessing
import os
import time
from pathlib import Path

import pytest

from rivulet.system import programs
from rivulet.system.cache import cached
from rivulet.system.programs import ProgramError


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RIVULET_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def _slow_build(folder: Path) -> None:
    (folder / f"built-by-{os.getpid()}").touch()
    time.sleep(0.3)
    (folder / "complete").touch()


def _contents(_: int) -> list[str]:
    return sorted(path.name for path in cached("thing-1", _slow_build).iterdir())


def test_two_processes_build_once() -> None:
    with multiprocessing.get_context("fork").Pool(3) as pool:
        found = pool.map(_contents, range(3), chunksize=1)
    assert len(found[0]) == 2
    assert found[0] == found[1] == found[2]


def test_a_failed_build_leaves_nothing_and_can_be_repeated(own_cache: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise ProgramError("no network")

    with pytest.raises(ProgramError, match="no network"):
        cached("thing-1", fail)
    assert [path.name for path in own_cache.iterdir()] == ["thing-1.lock"]
    assert cached("thing-1", _slow_build).is_dir()


def test_a_missing_program_without_root_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    wanted = r"`no-such-server` is not .*apt-get install its-package"
    with pytest.raises(ProgramError, match=wanted):
        programs.program("no-such-server", ("its-package",))


def test_a_failing_command_shows_its_last_lines() -> None:
    with pytest.raises(ProgramError, match=r"(?s)The download failed \(status 3\):.*no such host"):
        programs.run(("sh", "-c", "echo no such host >&2; exit 3"), "The download")


@pytest.mark.servers
def test_a_package_with_another_hash_is_refused(own_cache: Path) -> None:
    with pytest.raises(
        ProgramError, match=r"(?s)download of toml 0.10.2 from PyPI failed.*[Hh]ash"
    ):
        programs.python_package("toml", "0.10.2", ("0" * 64,))
    assert not list(own_cache.glob("toml-0.10.2"))
    right = "806143ae5bfb6a3c6e736a764057db0e6a0e05e338b5630894a5f779cabb4f9b"
    folder = programs.python_package("toml", "0.10.2", (right,))
    assert (folder / "toml" / "__init__.py").is_file()
