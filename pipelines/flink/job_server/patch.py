"""Patches Beam's job server, for the latency and the checkpoints of streaming jobs.

The comment of each class in `patches/` says what it changes.
"""

import tempfile
import zipfile
from pathlib import Path

from pipelines.flink.job_server.java import compile_java
from rivulet.system.programs import java, run

PATCHES = Path(__file__).with_name("patches")
PATCHED_BEAM = "2.62.0"
CHANGE = "org.apache.beam.runners.flink.translation.wrappers.streaming.FinishAtOnce"
PARTS = (
    f"beam-runners-java-fn-execution-{PATCHED_BEAM}.jar",
    f"beam-runners-flink-*-{PATCHED_BEAM}.jar",
)


def is_patched(beam_version: str) -> bool:
    """Whether `patch` changes a job server of this version."""
    return beam_version == PATCHED_BEAM


def patch(lib: Path, beam_version: str) -> None:
    """Replaces classes in Beam's jars by ours of the same names.

    Args:
        lib: the folder of the job server's jars.
        beam_version: Beam's version; versions other than `PATCHED_BEAM` are not changed.

    Raises:
        ProgramError: there is no Java compiler.
    """
    if not is_patched(beam_version):
        return
    with tempfile.TemporaryDirectory() as name:
        ours = compile_java(PATCHES, lib, Path(name), "Compiling the job server's patch")
        ours |= _changed(lib, Path(name))
        for part in PARTS:
            (jar,) = lib.glob(part)
            _replace(jar, ours)


def _changed(lib: Path, classes: Path) -> dict[str, Path]:
    """Runs `CHANGE`; the file of the changed class, by its name in the jar."""
    folder = classes / "changed"
    command = (str(java()), "-cp", f"{classes}:{lib}/*", CHANGE, str(folder))
    run(command, "Changing a class of the job server")
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.class")}


def _replace(jar: Path, ours: dict[str, Path]) -> None:
    """Rewrites the jar with our classes, and without the nested classes of those they replace."""
    patched = jar.with_suffix(".part")
    with (
        zipfile.ZipFile(jar) as old,
        zipfile.ZipFile(patched, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        existing = {_outermost(name) for name in old.namelist()}
        ours = {name: path for name, path in ours.items() if _outermost(name) in existing}
        for entry in old.infolist():
            if entry.filename not in ours:
                new.writestr(entry, old.read(entry))
        for name, path in ours.items():
            new.write(path, name)
    patched.replace(jar)


def _outermost(name: str) -> str:
    return name.removesuffix(".class").partition("$")[0]
