"""What `pip install .` and Beam's `--setup_file` give a machine that has no checkout."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("deploy", "inference", "pipelines", "rivulet", "serving", "simulation", "sinks",
            "sources", "training", "transforms")  # fmt: skip
DATA = ("*.xml", "*.java", "*.npy", "*.json", "*.pt", "*.gz", "*.html", "*.js", "*.css", "*.svg")
BUILD = "import sys; from setuptools import build_meta; print(build_meta.{}(sys.argv[1]))"


def build(what: str, source: Path, output: Path) -> Path:
    done = subprocess.run(
        [sys.executable, "-c", BUILD.format(what), str(output)],
        cwd=source, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return output / done.stdout.splitlines()[-1]


def test_a_wheel_from_the_source_distribution_has_all_code_and_data(tmp_path: Path) -> None:
    source = tmp_path / "checkout"
    source.mkdir()
    for name in ("setup.py", "pyproject.toml", "requirements.in", "README.md", "MANIFEST.in"):
        shutil.copy(ROOT / name, source)
    ignored = shutil.ignore_patterns("__pycache__", "target")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    with tarfile.open(build("build_sdist", source, tmp_path)) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    with zipfile.ZipFile(build("build_wheel", unpacked, tmp_path)) as wheel:
        packed = set(wheel.namelist())
    wanted = {
        str(path.relative_to(source))
        for name in PACKAGES
        for pattern in ("*.py", *DATA)
        for path in (source / name).rglob(pattern)
    }
    assert len(wanted) > 200
    assert wanted - packed == set()


def test_packages_import_each_other_by_floors_alone() -> None:
    """The contracts of pyproject.toml, which `make lint` checks too."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
