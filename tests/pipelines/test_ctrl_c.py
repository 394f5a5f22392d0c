"""Ctrl-C ends a job with one line and status 130, whatever it is doing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flink.stream import enable_ctrl_c

ROOT = Path(__file__).parents[2]

# Sends itself SIGINT: while Beam is imported, or when the first events are read.
RUN = """
import os, signal, sys, threading, time
from pipelines.recommend import JOB

def interrupt():
    while %s:
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)

def has_read():
    # While the module is imported, it has no jobs yet.
    jobs = getattr(sys.modules.get("transforms.progress"), "_JOBS", {})
    return any(counters.values.get("read") for counters in list(jobs.values()))

threading.Thread(target=interrupt, daemon=True).start()
status = JOB.main([])
sys.stdout.flush()
os._exit(status)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "waiting", ["'apache_beam.coders' not in sys.modules", "not has_read()"], ids=["import", "read"]
)
def test_a_job_is_stopped_in_one_line(tmp_path: Path, waiting: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RUN % waiting],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True, check=False,
        capture_output=True, preexec_fn=enable_ctrl_c,
    )  # fmt: skip
    assert done.returncode == 130, done.stderr[-2000:]
    assert "stopped; run it again to continue" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
