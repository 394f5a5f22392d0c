"""The options of RocksDB that a cluster's task managers take from us."""

import subprocess
from pathlib import Path

import pytest

from deploy.flink.distribution import VERSION, ClusterSettings, configure, install
from deploy.flink.rocksdb import FACTORY, options_jar
from rivulet.system.programs import java

ASK = f"""
import org.rocksdb.*;
public class Ask {{
  public static void main(String[] none) {{
    RocksDB.loadLibrary();
    DBOptions made = new {FACTORY}().createDBOptions(new DBOptions(), new java.util.ArrayList<>());
    System.out.println(made.maxManifestFileSize());
  }}
}}
"""


def test_the_cluster_is_told_of_the_factory(tmp_path: Path) -> None:
    configure(tmp_path / "conf", tmp_path / "home", ClusterSettings(), {})
    told = (tmp_path / "conf" / "config.yaml").read_text()
    assert f"state.backend.rocksdb.options-factory: {FACTORY}\n" in told
    assert "state.backend.rocksdb.compaction.style: UNIVERSAL\n" in told


@pytest.mark.flink
def test_manifests_begin_anew_when_they_are_long(tmp_path: Path) -> None:
    lib = install()
    (tmp_path / "Ask.java").write_text(ASK)
    path = f"{options_jar(lib, VERSION)}:{lib}/*"
    command = (str(java()), "-cp", path, str(tmp_path / "Ask.java"))
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.strip() == str(64 * 1024), done.stderr
