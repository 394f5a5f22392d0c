"""RocksDB options of the cluster's task managers."""

import subprocess
from pathlib import Path

import pytest

from deploy.flink.distribution import VERSION, configure, install
from deploy.flink.rocksdb import FACTORY, options_jar
from deploy.flink.settings import ClusterSettings
from rivulet.system.programs import java

ASK = f"""
import org.rocksdb.*;
public class Ask {{
  public static void main(String[] arguments) {{
    RocksDB.loadLibrary();
    var factory = new {FACTORY}();
    var options = factory.createDBOptions(new DBOptions(), new java.util.ArrayList<>());
    System.out.println(options.maxManifestFileSize());
  }}
}}
"""


def test_the_configuration_names_the_options_factory(tmp_path: Path) -> None:
    configure(tmp_path / "conf", tmp_path / "home", ClusterSettings(), {})
    written = (tmp_path / "conf" / "config.yaml").read_text()
    assert f"state.backend.rocksdb.options-factory: {FACTORY}\n" in written
    assert "state.backend.rocksdb.compaction.style: UNIVERSAL\n" in written


@pytest.mark.flink
def test_the_factory_limits_the_manifest_size(tmp_path: Path) -> None:
    lib = install()
    (tmp_path / "Ask.java").write_text(ASK)
    path = f"{options_jar(lib, VERSION)}:{lib}/*"
    command = (str(java()), "-cp", path, str(tmp_path / "Ask.java"))
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.stdout.strip() == str(64 * 1024), done.stderr
