"""The API against its own OpenAPI document."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_every_answer_is_as_documented(server: str, tmp_path: Path) -> None:
    """Schemathesis by its command: its pytest plug-in does not know this pytest yet."""
    tool = Path(sys.executable).with_name("schemathesis")
    done = subprocess.run(
        [
            str(tool),
            f"--config-file={Path(__file__).with_name('schemathesis.toml')}",
            "run",
            f"{server}/openapi.json",
            "--max-examples=20",
            "--seed=1",
            "--phases=examples,coverage,fuzzing",
            "--no-color",
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, _short(done.stdout) + done.stderr[-2000:]


def _short(report: str) -> str:
    """The report without the megabytes of a generated body."""
    return "\n".join(line[:300] for line in report.splitlines())[-6000:]
