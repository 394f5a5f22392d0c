"""A small stateful pipeline through the embedded and the standalone cluster."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from deploy.flink import FlinkCluster
from pipelines.flink.job_server import build_job_server
from pipelines.flink.job_server.build import write_manifest_jar

PIPELINE = Path(__file__).with_name("counting.py")
ROOT = Path(__file__).parents[2]


def count(output: Path, *options: str) -> list[str]:
    """Runs the pipeline in a process of its own; the lines that it wrote, sorted."""
    command = (sys.executable, "-W", "ignore", "-m", "tests.deploy.counting", str(output), *options)
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    parts = sorted(output.parent.glob(f"{output.name}*"))
    return sorted(line for part in parts for line in part.read_text().splitlines())


EXPECTED = sorted(f"{key} {len(range(key, 1000, 7))}" for key in range(7))


@pytest.mark.flink
@pytest.mark.slow
@pytest.mark.long
def test_embedded_cluster_with_loopback(tmp_path: Path) -> None:
    jar = f"--flink_job_server_jar={build_job_server()}"
    options = ("--runner=FlinkRunner", jar, "--streaming", "--environment_type=LOOPBACK")
    assert count(tmp_path / "counts", *options) == EXPECTED


@pytest.mark.flink
@pytest.mark.slow
@pytest.mark.long
def test_standalone_cluster_with_its_worker_pool(
    tmp_path: Path, flink_cluster: FlinkCluster
) -> None:
    assert flink_cluster.rest("/overview")["slots-total"] == 4
    options = (*flink_cluster.options(parallelism=2), "--streaming")
    assert count(tmp_path / "counts", *options) == EXPECTED


def test_a_manifest_of_many_jars_is_read_back_completely(tmp_path: Path) -> None:
    parts = [tmp_path / "lib" / f"a-part-with-a-long-name-{number}.jar" for number in range(200)]
    write_manifest_jar(tmp_path / "all.jar", parts)
    with zipfile.ZipFile(tmp_path / "all.jar") as archive:
        text = archive.read("META-INF/MANIFEST.MF").decode()
    assert max(len(line) for line in text.splitlines()) <= 70
    unfolded = text.replace("\r\n ", "")
    (path,) = (line for line in unfolded.splitlines() if line.startswith("Class-Path: "))
    assert path.split()[1:] == [f"lib/{part.name}" for part in parts]
