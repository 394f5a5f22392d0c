"""RocksDB's options that Flink has no setting for.

The classes in `options/` say what they set; a cluster has them on its class path.
"""

import hashlib
import tempfile
import zipfile
from pathlib import Path

from deploy.cache import cached
from deploy.flink.java import compile_java

SOURCES = Path(__file__).with_name("options")
FACTORY = "rivulet.flink.SmallManifests"


def options_jar(lib: Path, flink_version: str) -> Path:
    """Give the jar with our factory of RocksDB's options, compiled once.

    Args:
        lib: The folder of Flink's jars.
        flink_version: Their version.

    Raises:
        DeployError: There is no Java compiler.
    """
    sources = sorted(SOURCES.glob("*.java"))
    made_of = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:6]

    def build(folder: Path) -> None:
        with tempfile.TemporaryDirectory() as name:
            compile_java(sources, lib, Path(name), "Compiling RocksDB's options")
            with zipfile.ZipFile(folder / "options.jar", "w") as jar:
                for path in sorted(Path(name).rglob("*.class")):
                    jar.write(path, path.relative_to(name).as_posix())

    return cached(f"flink-rocksdb-options-{flink_version}-{made_of}", build) / "options.jar"
