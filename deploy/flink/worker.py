"""One Python worker's process: Beam's SDK harness with a state cache, for the worker pool."""

import gc
import logging
import os
import signal
import sys

import objsize  # type: ignore[import-untyped]
from apache_beam.runners.worker import sdk_worker

SWITCH_S = 0.0005
"""How long a thread keeps Python's lock while others wait for it. With 5 ms, the default, each
answer of a store waits that long for every thread that computes: rows came 0.5 s later."""
REST_S = 3600
"""Seconds without a bundle after which what works on a step is given up."""


def tune() -> None:
    """Makes of this process, which has imported all that it needs, a quick worker."""
    sys.setswitchinterval(SWITCH_S)
    # What was imported stays: without this, a quarter of the time went into looking through it for
    # garbage, 0.25 s at a time.
    gc.freeze()
    # The state cache weighs each value; looking through all modules for what they hold made that
    # 0.7 ms instead of 0.01.
    objsize.default_settings.exclude_modules_globals = False
    # What works on a step's bundles is made anew where it has rested for this long, which was a
    # minute: less than lies between two rankings.
    sdk_worker.DEFAULT_BUNDLE_PROCESSOR_CACHE_SHUTDOWN_THRESHOLD_S = REST_S


def work(control: str, name: str, cache_bytes: int) -> None:
    """Work until the task manager hangs up, then end the process.

    Args:
        control: The task manager's control endpoint.
        name: The worker's id.
        cache_bytes: Cache of state and side inputs.
    """
    # Ctrl-C on the pool's terminal is the pool's to answer.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(
        level=logging.WARNING,
        format=f"%(asctime)s %(levelname)-7s [{name}] %(message)s",
        force=True,
    )
    tune()
    sdk_worker.SdkHarness(control, worker_id=name, state_cache_size=cache_bytes).run()
    logging.shutdown()
    # Nobody is left to work for: do not wait for a bundle that hangs.
    os._exit(0)
