"""What Java 17 must open of itself to Flink and Beam, and its compiler for our own classes."""

from collections.abc import Sequence
from pathlib import Path

from deploy.installs import program, run

ADD_OPENS = (
    "java.lang",
    "java.lang.reflect",
    "java.util",
    "java.util.concurrent",
    "java.util.concurrent.atomic",
    "java.util.concurrent.locks",
    "java.net",
    "java.nio",
    "java.io",
    "java.time",
    "java.text",
    "sun.nio.ch",
)
ADD_EXPORTS = ("sun.net.util",)
OPENINGS = (
    *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in ADD_OPENS),
    *(f"--add-exports=java.base/{package}=ALL-UNNAMED" for package in ADD_EXPORTS),
)


def compile_java(sources: Sequence[Path], lib: Path, folder: Path, what: str) -> None:
    """Compile classes, also for Java 11, which Flink may run on elsewhere.

    Args:
        sources: Their files.
        lib: The folder of the jars that they need.
        folder: Takes the classes.
        what: What this is for, as an error names it.

    Raises:
        DeployError: There is no Java compiler, or it refuses them.
    """
    javac = program("javac", ("openjdk-17-jdk-headless",), ("default-jdk-headless",))
    options = ("-nowarn", "-Xlint:none", "-proc:none", "--release", "11", "-cp", f"{lib}/*")
    run((str(javac), *options, "-d", str(folder), *map(str, sources)), what)
