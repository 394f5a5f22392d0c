"""Installs programs from the distribution's packages, Maven and PyPI."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from xml.etree import ElementTree

from rivulet.system.cache import cache_root, cached, file_lock

# Folders with servers that are not in a user's PATH by default.
MORE_PATHS = ("/usr/local/sbin", "/usr/sbin", "/sbin", "/opt/homebrew/bin", "/usr/local/bin")
DEBIAN_POSTGRES = Path("/usr/lib/postgresql")
"""Debian has a folder for each version of PostgreSQL, none of them in the PATH."""
APT_TIMEOUT_S = 600
NO_PROPERTIES: Mapping[str, str] = MappingProxyType({})


class ProgramError(RuntimeError):
    """A program cannot be installed, or does not start; the text says what to do."""


def run(command: Sequence[str], what: str, env: Mapping[str, str] | None = None) -> str:
    """Runs a command to its end.

    Args:
        command: program and arguments.
        what: the command's purpose, for the error message.
        env: variables in addition to this process's own.

    Returns:
        Its standard output.

    Raises:
        ProgramError: it failed; the text includes the last lines of its output.
    """
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **(env or {})},
        check=False,
    )
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
        raise ProgramError(f"{what} failed (status {done.returncode}):\n{tail}")
    return done.stdout


def find_program(name: str) -> Path | None:
    """A program's path, from the PATH and the usual folders of servers; None if it is missing."""
    versions = sorted(DEBIAN_POSTGRES.glob("*/bin"), key=lambda path: path.parent.name.zfill(4))
    more = (*MORE_PATHS, *map(str, reversed(versions)))
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *more))
    found = shutil.which(name, path=path)
    return Path(found) if found else None


def program(name: str, *packages: Sequence[str]) -> Path:
    """A program's path; as root on Debian or Ubuntu, its package is installed if it is missing.

    Args:
        name: the program, like `redis-server`.
        packages: alternatives of the distribution's packages, tried in this order.

    Raises:
        ProgramError: it is missing and cannot be installed; the text says what to install.
    """
    found = find_program(name)
    if found:
        return found
    alternatives = " or ".join(" ".join(choice) for choice in packages)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise ProgramError(
            f"`{name}` is not installed. Install it (on Debian or Ubuntu, as root: "
            f"apt-get install {' '.join(packages[0])}) and try again."
        )
    with file_lock(cache_root() / "apt.lock"):
        problem = ""
        for choice in packages:
            found = find_program(name)
            if found:
                break
            try:
                _apt_install(choice)
            except ProgramError as error:
                problem = str(error)
        found = find_program(name)
    if found is None:
        raise ProgramError(f"`{name}` cannot be installed as {alternatives} by apt-get. {problem}")
    return found


def _apt_install(packages: Sequence[str]) -> None:
    # With a runlevel of 1 the packages' services do not start.
    env = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    apt = ("apt-get", "-qq", "-o", f"DPkg::Lock::Timeout={APT_TIMEOUT_S}")
    run((*apt, "update"), "`apt-get update`", env)
    install = (*apt, "install", "-y", "--no-install-recommends", *packages)
    run(install, f"`apt-get install {' '.join(packages)}`", env)


def java() -> Path:
    """Java's launcher; 17 or newer is needed."""
    return program("java", ("openjdk-17-jre-headless",), ("default-jre-headless",))


def maven_property(pom: Path, name: str) -> str:
    """A property of a Maven project, like `kafka.version`.

    Raises:
        ProgramError: the project has no such property.
    """
    space = "{http://maven.apache.org/POM/4.0.0}"
    project = ElementTree.parse(pom)  # noqa: S314 (our own file)
    value = project.findtext(f"{space}properties/{space}{name}")
    if value is None:
        raise ProgramError(f"{pom} has no property {name}")
    return value


def maven_jars(pom: Path, folder: Path, properties: Mapping[str, str] = NO_PROPERTIES) -> None:
    """Downloads the jars of a Maven project's dependencies.

    Args:
        pom: the Maven project.
        folder: where the jars are written.
        properties: properties that replace the project's own.
    """
    java()
    maven = str(program("mvn", ("maven",)))
    given = [f"-D{key}={value}" for key, value in properties.items()]
    goal = ("dependency:copy-dependencies", f"-DoutputDirectory={folder}")
    # Two Maven processes must not write to Maven's local repository at the same time.
    with file_lock(cache_root() / "maven.lock"):
        run((maven, "-q", "-B", "-f", str(pom), *given, *goal), f"Maven's download for {pom.name}")


def python_package(name: str, version: str, hashes: Sequence[str]) -> Path:
    """A cached folder with one package of PyPI, without its dependencies.

    Args:
        name: the package's name.
        version: its version.
        hashes: the SHA-256 hashes of its files, in hexadecimal; other files are refused.

    Raises:
        ProgramError: the package cannot be downloaded, or has another hash.
    """

    def build(folder: Path) -> None:
        # The name ends in .txt: pip and uv decide by it how the file is read.
        with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as requirements:
            pins = "".join(f" --hash=sha256:{value}" for value in hashes)
            requirements.write(f"{name}=={version}{pins}\n")
            requirements.flush()
            _install(folder, requirements.name)

    def _install(folder: Path, requirements: str) -> None:
        flags = ("-q", "--no-deps", "--require-hashes", "--target", str(folder))
        uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
        pip = (uv, "pip") if uv else (sys.executable, "-m", "pip")
        interpreter = ("--python", sys.executable) if uv else ()
        run(
            (*pip, "install", *flags, "-r", requirements, *interpreter),
            f"The download of {name} {version} from PyPI",
        )

    return cached(f"{name}-{version}", build)
