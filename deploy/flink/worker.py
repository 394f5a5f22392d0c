"""A Python worker's process: Beam's SDK harness with a state cache and other settings."""

import gc
import logging
import os
import signal
import sys

import objsize  # type: ignore[import-untyped]
from apache_beam.runners.worker import sdk_worker

SWITCH_S = 0.0005
"""Python's switch interval: how long a thread keeps the GIL while other threads wait for it. With
5 ms, the default, the answer of a store waits up to 5 ms for each thread that computes."""
IDLE_S = 3600
"""Seconds without a bundle after which Beam closes a step's bundle processor."""


def tune() -> None:
    """Sets up this process, which has imported all modules, for low latency."""
    sys.setswitchinterval(SWITCH_S)
    # Excludes imported modules from garbage collection. A collection of them takes 0.25 s, in total
    # a quarter of the worker's time.
    gc.freeze()
    # The state cache computes the size of each value. By default it visits the globals of all
    # modules for that, which takes 0.7 ms a value instead of 0.01.
    objsize.default_settings.exclude_modules_globals = False
    # Beam's default of one minute is shorter than the time between two rankings: each ranking would
    # create the bundle processor again.
    sdk_worker.DEFAULT_BUNDLE_PROCESSOR_CACHE_SHUTDOWN_THRESHOLD_S = IDLE_S


def work(control: str, name: str, cache_bytes: int) -> None:
    """Processes bundles until the task manager closes the connection, then ends the process.

    Args:
        control: the address of the task manager's control endpoint.
        name: the worker's id.
        cache_bytes: cache of state and side inputs, in bytes.
    """
    # The pool handles Ctrl-C.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(
        level=logging.WARNING,
        format=f"%(asctime)s %(levelname)-7s [{name}] %(message)s",
        force=True,
    )
    tune()
    sdk_worker.SdkHarness(control, worker_id=name, state_cache_size=cache_bytes).run()
    logging.shutdown()
    # The connection is closed: do not wait for a bundle that does not end.
    os._exit(0)
