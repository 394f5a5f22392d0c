"""The fuzzers run for a while and find nothing."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.hostile

FUZZERS = ("kafka_values", "schema_values", "file_blocks", "model_files")
ROOT = Path(__file__).parents[2]


def fuzz(name: str, folder: Path, seconds: int) -> None:
    seeds = folder / "corpus"
    seeds.mkdir()
    module = importlib.import_module(f"tests.hostile.fuzzing.{name}")
    for number, seed in enumerate(module.SEEDS):
        (seeds / str(number)).write_bytes(seed)
    done = subprocess.run(
        (
            sys.executable, "-m", f"tests.hostile.fuzzing.{name}", str(seeds),
            f"-max_total_time={seconds}", f"-artifact_prefix={folder}/", "-timeout=60",
        ),
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Done " in done.stderr, done.stderr[-3000:]


@pytest.mark.parametrize("name", FUZZERS)
def test_a_few_seconds(name: str, tmp_path: Path) -> None:
    fuzz(name, tmp_path, 3)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", FUZZERS)
def test_minutes(name: str, tmp_path: Path) -> None:
    fuzz(name, tmp_path, 300)
