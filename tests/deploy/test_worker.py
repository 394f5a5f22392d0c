"""The Python worker's process on Flink."""

import subprocess
import sys

PROGRAM = """
import gc
import sys
import time

import apache_beam
from apache_beam.runners.worker.statecache import get_deep_size
import pipelines.recommend
from deploy.flink.worker import SWITCH_S, tune


def seconds(sized):
    started = time.perf_counter()
    for _ in range(100):
        get_deep_size(sized)
    return time.perf_counter() - started


value = [b"x" * 1000, {"a": [1, 2]}]
objects, size, slow = len(gc.get_objects()), get_deep_size(value), seconds(value)
tune()
assert gc.get_freeze_count() > 0.9 * objects > 10 * len(gc.get_objects()), gc.get_freeze_count()
assert get_deep_size(value) == size
assert seconds(value) < slow / 5
assert sys.getswitchinterval() == SWITCH_S
"""


def test_imported_modules_cost_the_worker_neither_garbage_collection_nor_size_estimates() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
