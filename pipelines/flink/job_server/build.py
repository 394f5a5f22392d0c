"""Builds Beam's job server for Flink, which submits pipelines to an embedded or another cluster.

Beam downloads a jar with all classes. This module downloads the same classes as separate jars from
Maven and writes a jar with only a manifest that lists them, for `--flink_job_server_jar`.
"""

import os
import zipfile
from pathlib import Path

from pipelines.flink.job_server.java import ADD_EXPORTS, ADD_OPENS, java_sources
from pipelines.flink.job_server.patch import PATCHES, is_patched, patch
from rivulet.system.cache import cache_root, cached, fingerprint
from rivulet.system.programs import maven_jars, maven_property

POM = Path(__file__).with_name("pom.xml")
MAIN = "org.apache.beam.runners.flink.FlinkJobServerDriver"
# These variables choose other versions than the pom's.
BEAM_VARIABLE, FLINK_VARIABLE = "RIVULET_BEAM_JAVA_VERSION", "RIVULET_FLINK_VERSION"
# A line of a manifest has at most 72 bytes with its line end; a continuation starts with a space.
MANIFEST_LINE = 70
LOG_SETTINGS = """\
org.slf4j.simpleLogger.defaultLogLevel=info
org.slf4j.simpleLogger.showDateTime=true
org.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss,SSS
"""


def job_server_jar() -> Path | None:
    """The built jar for `--flink_job_server_jar`; None if it was not built on this machine."""
    jar = cache_root() / _folder() / "job-server.jar"
    return jar if jar.is_file() else None


def is_job_server_patched() -> bool:
    """Whether the job server built here is patched, so that watermarks end bundles."""
    return is_patched(_versions()["beam.version"])


def build_job_server() -> Path:
    """Builds the jar if it is missing: 150 MB from Maven, once.

    The variables `RIVULET_BEAM_JAVA_VERSION` and `RIVULET_FLINK_VERSION` (like `1.19`) choose
    other versions than the pom's.

    Returns:
        The jar. It cannot be moved: it lists other jars relative to itself.

    Raises:
        ProgramError: Java, Maven or a jar is not available.
    """

    def build(folder: Path) -> None:
        lib = folder / "lib"
        versions = _versions()
        maven_jars(POM, lib, versions)
        patch(lib, versions["beam.version"])
        write_manifest_jar(folder / "job-server.jar", sorted(lib.glob("*.jar")))

    return cached(_folder(), build) / "job-server.jar"


def write_manifest_jar(jar: Path, parts: list[Path]) -> None:
    """Writes a jar with only a manifest: main class, class path, and Java's `Add-Opens`.

    Args:
        jar: the file to write.
        parts: the jars of the class path, in the jar's folder or below.
    """
    values = {
        "Manifest-Version": "1.0",
        "Main-Class": MAIN,
        "Class-Path": " ".join(part.relative_to(jar.parent).as_posix() for part in parts),
        "Add-Opens": " ".join(f"java.base/{package}" for package in ADD_OPENS),
        "Add-Exports": " ".join(f"java.base/{package}" for package in ADD_EXPORTS),
    }
    lines: list[str] = []
    for key, value in values.items():
        rest = f"{key}: {value}"
        lines.append(rest[:MANIFEST_LINE])
        rest = rest[MANIFEST_LINE:]
        while rest:
            lines.append(" " + rest[: MANIFEST_LINE - 1])
            rest = rest[MANIFEST_LINE - 1 :]
    with zipfile.ZipFile(jar, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/MANIFEST.MF", "\r\n".join(lines) + "\r\n\r\n")
        archive.writestr("simplelogger.properties", LOG_SETTINGS)


def _versions() -> dict[str, str]:
    flink = os.environ.get(FLINK_VARIABLE)
    return {
        "beam.version": os.environ.get(BEAM_VARIABLE) or maven_property(POM, "beam.version"),
        "flink.version": flink or maven_property(POM, "flink.version"),
        "flink.release": f"{flink}.0" if flink else maven_property(POM, "flink.release"),
    }


def _folder() -> str:
    versions = _versions()
    parts = fingerprint((POM, *java_sources(PATCHES)))
    return f"flink-job-server-{versions['flink.version']}-{versions['beam.version']}-{parts}"
