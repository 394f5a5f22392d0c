"""The Python worker pool as a server of the cluster."""

import random
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import grpc  # type: ignore[import-untyped]
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc

from deploy.server import Server
from rivulet.system.ports import LOOPBACK
from rivulet.system.processes import Process, children

CACHE_MB = 100
# An OpenMP thread per core in every worker only makes them wait for one another.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class WorkerPool(Server):
    """Starts Python workers for the task managers.

    Args:
        data: The data folder.
        port: Its port; 0 for any.
        usual_port: Try 50000 before any free port.
        cache_mb: Cache of state and side inputs in each worker (MiB).
    """

    name = "flink-worker-pool"
    roles: ClassVar[dict[str, int]] = {"pool": 50000}

    def __init__(
        self, data: Path, port: int = 0, usual_port: bool = False, cache_mb: int = CACHE_MB
    ) -> None:
        super().__init__(data, port, usual_port)
        self._cache_mb = cache_mb

    @property
    def url(self) -> str:
        """Give the address for `--environment_config`, with `--environment_type=EXTERNAL`."""
        return f"{LOOPBACK}:{self.port}"

    def install(self) -> None:
        """Nothing: it is Beam's Python part."""

    def prepare(self) -> None:
        """Nothing: it has no files."""

    def environment(self) -> Mapping[str, str]:
        """Let the workers find our packages, and share the cores fairly."""
        return {"PYTHONPATH": str(Path(__file__).parents[2]), **ONE_THREAD}

    def command(self) -> Sequence[str]:
        """Run the pool with this Python."""
        program = (sys.executable, "-m", "deploy.flink.pool")
        return (*program, "--address", self.url, "--cache-mb", str(self._cache_mb))

    def ping(self) -> None:
        """Ask it to stop a worker that it does not have."""
        with grpc.insecure_channel(self.url) as channel:
            pool = beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolStub(channel)
            request = beam_fn_api_pb2.StopWorkerRequest(worker_id="none")
            pool.StopWorker(request, timeout=5)

    def workers(self) -> list[Process]:
        """Give the Python workers that run now."""
        process = self.process
        if process is None:
            return []
        # The pool's children are what the workers are forked from, and a tracker without any.
        return [worker for child in children(process.pid) for worker in children(child.pid)]

    def kill_worker(self) -> Process | None:
        """End one worker, picked at random, as a crash does; give it, None if there is none."""
        running = self.workers()
        if not running:
            return None
        worker = random.choice(running)
        worker.kill(group=False)
        return worker
