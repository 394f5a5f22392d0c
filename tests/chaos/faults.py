"""The faults. Each function returns the time of the fault by the monotonic clock."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from tests.chaos.site import Site

BROKER_DOWN_S = 3.0


def task_manager(site: Site) -> float:
    """Kills a task manager and starts it again at once."""
    victim = random.choice(site.cluster.task_managers)
    victim.kill()
    done = time.monotonic()
    victim.start()
    return done


def worker(site: Site) -> float:
    """Kills a Python worker."""
    while site.cluster.worker_pool.kill_worker() is None:
        time.sleep(0.1)
    return time.monotonic()


def job_manager(site: Site) -> float:
    """Kills the job manager and starts it again; it has lost its jobs."""
    site.cluster.job_manager.kill()
    done = time.monotonic()
    site.cluster.job_manager.start()
    return done


def broker(site: Site) -> float:
    """Kills the broker and starts it again after some seconds."""
    site.kafka.kill()
    done = time.monotonic()
    time.sleep(BROKER_DOWN_S)
    site.kafka.start()
    return done


FAULTS: dict[str, Callable[[Site], float]] = {
    "task manager": task_manager,
    "Python worker": worker,
    "job manager": job_manager,
    "broker": broker,
}
