"""What Java 17 must open of itself to Flink and Beam, and its compiler for our own classes."""

from pathlib import Path

from rivulet.system.programs import program, run

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


def java_sources(folder: Path) -> list[Path]:
    """Give a folder's Java files, always in the same order."""
    return sorted(folder.glob("*.java"))


def compile_java(sources: Path, lib: Path, folder: Path, what: str) -> dict[str, Path]:
    """Compile classes, also for Java 11, which Flink may run on elsewhere.

    Args:
        sources: The folder of their files.
        lib: The folder of the jars that they need.
        folder: Takes the classes.
        what: What this is for, as an error names it.

    Returns:
        The classes' files, by the names that they have in a jar.

    Raises:
        ProgramError: There is no Java compiler, or it refuses them.
    """
    javac = program("javac", ("openjdk-17-jdk-headless",), ("default-jdk-headless",))
    options = ("-nowarn", "-Xlint:none", "-proc:none", "--release", "11", "-cp", f"{lib}/*")
    run((str(javac), *options, "-d", str(folder), *map(str, java_sources(sources))), what)
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*.class"))}
