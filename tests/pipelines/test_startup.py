"""What a command imports before it does something: little, and so it starts fast."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rivulet.cli import COMMANDS

ROOT = Path(__file__).parents[2]
HEAVY = ("apache_beam", "duckdb", "fastapi", "kafka", "numpy", "pandas", "pyarrow", "sqlalchemy",
         "torch")  # fmt: skip
MODULES = ("rivulet", *(command.module for command in COMMANDS.values()))

HELP = """
import runpy, sys
sys.argv = [sys.argv[1], "--help"]
try:
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
except SystemExit as end:
    assert not end.code, end.code
print("IMPORTED", [name for name in %r if name in sys.modules])
"""

FIRST_EVENT = """
import json, sys, threading, time
from pipelines.recommend import JOB

def watch():
    while True:
        progress = sys.modules.get("transforms.progress")
        jobs = getattr(progress, "_JOBS", {})  # The module may be half imported.
        if any(counters.values.get("read") for counters in list(jobs.values())):
            hidden = ("torch", "google.cloud.storage", "pymongo", "kafka", "duckdb")
            found = [name for name in hidden if name in sys.modules]
            print("READ", json.dumps([time.process_time(), found]), flush=True)
            return
        time.sleep(0.002)

threading.Thread(target=watch, daemon=True).start()
status = JOB.main([])
sys.exit(status)
"""


def python(code: str, *arguments: str, folder: Path = ROOT) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *arguments],
        cwd=folder, env={"PYTHONPATH": str(ROOT), "PATH": ""}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("module", MODULES)
def test_help_imports_nothing_heavy(module: str) -> None:
    assert python(HELP % (HEAVY,), module).splitlines()[-1] == "IMPORTED []"


@pytest.mark.slow
def test_the_first_event_is_read_before_beam_and_torch_could_be_imported(tmp_path: Path) -> None:
    """In seconds of CPU, which another process's work does not change: the better of two."""
    measure = "import time, apache_beam, torch; print(time.process_time())"
    best, imports = float("inf"), float("inf")
    for _ in range(2):
        imports = min(imports, float(python(measure, folder=tmp_path)))
        said = python(FIRST_EVENT, folder=tmp_path)
        (line,) = (line for line in said.splitlines() if line.startswith("READ "))
        seconds, imported = json.loads(line.removeprefix("READ "))
        assert imported == []
        best = min(best, seconds)
        if best < imports:
            return
    raise AssertionError(f"{best} CPU seconds, where the imports alone take {imports}")
