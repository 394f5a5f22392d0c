"""RocksDB's options that Flink has no setting for.

The classes in `options/` say what they set; a cluster has them on its class path.
"""

import tempfile
import zipfile
from pathlib import Path

from pipelines.flink.job_server.java import compile_java, java_sources
from rivulet.system.cache import cached, fingerprint

SOURCES = Path(__file__).with_name("options")
FACTORY = "rivulet.flink.SmallManifests"


def options_jar(lib: Path, flink_version: str) -> Path:
    """Give the jar with our factory of RocksDB's options, compiled once.

    Args:
        lib: The folder of Flink's jars.
        flink_version: Their version.

    Raises:
        ProgramError: There is no Java compiler.
    """

    def build(folder: Path) -> None:
        with tempfile.TemporaryDirectory() as name:
            classes = compile_java(SOURCES, lib, Path(name), "Compiling RocksDB's options")
            with zipfile.ZipFile(folder / "options.jar", "w") as jar:
                for inside, path in classes.items():
                    jar.write(path, inside)

    made_of = fingerprint(java_sources(SOURCES))
    return cached(f"flink-rocksdb-options-{flink_version}-{made_of}", build) / "options.jar"
