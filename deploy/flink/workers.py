"""The worker pool's process, as a server of the cluster."""

import random
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from deploy.server import Server
from rivulet.system.ports import LOOPBACK
from rivulet.system.processes import Process, children

CACHE_MB = 100
# There is a worker per slot: more OpenMP threads would compete for the same cores.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class WorkerPool(Server):
    """Starts Python workers for the task managers.

    Args:
        data: the data folder.
        port: its port; 0 for any.
        usual_port: try 50000 before any free port.
        cache_mb: cache of state and side inputs in each worker (MiB).
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
        """The value of `--environment_config`, for `--environment_type=EXTERNAL`."""
        return f"{LOOPBACK}:{self.port}"

    def install(self) -> None:
        """Does nothing: the pool is Python code of this package."""

    def prepare(self) -> None:
        """Does nothing: the pool has no files."""

    def environment(self) -> Mapping[str, str]:
        """Rivulet's packages on the module path, and one OpenMP thread per worker."""
        return {"PYTHONPATH": str(Path(__file__).parents[2]), **ONE_THREAD}

    def command(self) -> Sequence[str]:
        """The pool's command line, with this Python."""
        program = (sys.executable, "-m", "deploy.flink.pool")
        return (*program, "--address", self.url, "--cache_mb", str(self._cache_mb))

    def ping(self) -> None:
        """Requests the stop of a worker that does not exist."""
        # Imported here so that `python -m deploy --help` does not import Beam.
        import grpc  # type: ignore[import-untyped]
        from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc

        with grpc.insecure_channel(self.url) as channel:
            pool = beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolStub(channel)
            request = beam_fn_api_pb2.StopWorkerRequest(worker_id="none")
            pool.StopWorker(request, timeout=5)

    def workers(self) -> list[Process]:
        """The running Python workers."""
        process = self.process
        if process is None:
            return []
        # The pool's children are the fork server, whose children are the workers, and the resource
        # tracker, which has none.
        return [worker for child in children(process.pid) for worker in children(child.pid)]

    def kill_worker(self) -> Process | None:
        """Kills a random worker, as a crash does.

        Returns:
            The worker; None if none runs.
        """
        running = self.workers()
        if not running:
            return None
        worker = random.choice(running)
        worker.kill(group=False)
        return worker
