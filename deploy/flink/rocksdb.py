"""RocksDB options for which Flink has no setting.

They are set by the Java classes in `options/`, which are on the cluster's class path.
"""

import tempfile
import zipfile
from pathlib import Path

from pipelines.flink.job_server.java import compile_java, java_sources
from rivulet.system.cache import cached, fingerprint

SOURCES = Path(__file__).with_name("options")
FACTORY = "rivulet.flink.SmallManifests"


def options_jar(lib: Path, flink_version: str) -> Path:
    """The jar with our factory of RocksDB options, compiled if it is missing.

    Args:
        lib: the folder of Flink's jars.
        flink_version: Flink's version.

    Raises:
        ProgramError: there is no Java compiler.
    """

    def build(folder: Path) -> None:
        with tempfile.TemporaryDirectory() as name:
            classes = compile_java(SOURCES, lib, Path(name), "Compiling RocksDB's options")
            with zipfile.ZipFile(folder / "options.jar", "w") as jar:
                for inside, path in classes.items():
                    jar.write(path, inside)

    made_of = fingerprint(java_sources(SOURCES))
    return cached(f"flink-rocksdb-options-{flink_version}-{made_of}", build) / "options.jar"
