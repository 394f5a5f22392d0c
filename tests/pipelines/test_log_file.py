"""The terminal is for progress and the summary: warnings go to the log."""

import os
import subprocess
import sys
from pathlib import Path

# NumPy's polynomials set a filter of their own when they are imported.
WARN = """
from pipelines.running.job import _log_to_file
_log_to_file()
import numpy as np
np.polyfit([1.0, 1.0], [1.0, 2.0], 1)
"""


def test_numpys_warnings_go_to_the_log(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        (sys.executable, "-c", WARN), cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout + done.stderr == ""
    assert "RankWarning" in (tmp_path / "rivulet.log").read_text()
