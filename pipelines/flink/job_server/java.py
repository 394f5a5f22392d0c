"""Java options for Flink and Beam, and the compilation of our classes."""

from pathlib import Path

from rivulet.system.programs import program, run

# Packages of java.base that Flink and Beam access by reflection.
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
    """A folder's Java files, sorted."""
    return sorted(folder.glob("*.java"))


def compile_java(sources: Path, lib: Path, folder: Path, what: str) -> dict[str, Path]:
    """Compiles classes for Java 11 and newer, because Flink may run on Java 11.

    Args:
        sources: the folder of the Java files.
        lib: the folder of the jars that they need.
        folder: where the classes are written.
        what: the purpose, for the error message.

    Returns:
        The classes' files, by their names in a jar.

    Raises:
        ProgramError: there is no Java compiler, or the compilation failed.
    """
    javac = program("javac", ("openjdk-17-jdk-headless",), ("default-jdk-headless",))
    options = ("-nowarn", "-Xlint:none", "-proc:none", "--release", "11", "-cp", f"{lib}/*")
    run((str(javac), *options, "-d", str(folder), *map(str, java_sources(sources))), what)
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*.class"))}
