"""The documentation site builds, and its links lead somewhere."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir"]
    built = subprocess.run([*command, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    for page in ("index", "reference/options", "reference/hostile", "how-to/add-a-sink"):
        assert (tmp_path / f"{page}.html").is_file()
    assert "CsvFolder" in (tmp_path / "how-to" / "add-a-sink.html").read_text()
    assert "--popular_window" in (tmp_path / "reference" / "options.html").read_text()
