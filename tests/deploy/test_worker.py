"""The Python worker's process on Flink."""

import os
import subprocess
import sys
from pathlib import Path

from pipelines.simulate import main as simulate

PROGRAM = """
import gc
import importlib
import sys
import time

from deploy.flink.pool import PRELOAD

for name in PRELOAD:
    importlib.import_module(name)
from apache_beam.runners.worker.statecache import get_deep_size
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

imported = set(sys.modules)
import pipelines.recommend
pipelines.recommend.main(sys.argv[1:])
packages = ("inference", "sinks", "sources", "transforms", "scipy", "sqlalchemy")
new = [name for name in set(sys.modules) - imported if name.split(".")[0] in packages]
# What opens a store's URL is the command's.
assert sorted(new) == ["sinks.urls"], new
"""


def test_modules_are_imported_once_and_cost_neither_collections_nor_size_estimates(
    tmp_path: Path,
) -> None:
    events, store = tmp_path / "events.csv", f"sqlite:///{tmp_path}/rivulet.db"
    simulate([f"--output={events}", "--events=2000", "--rate=10"])
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, f"--input={events}"]
    command += [f"--{name}_sink={store}" for name in ("record", "popular", "recommendation")]
    path = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=path)
    assert done.returncode == 0, done.stderr
