"""The worker pool: starts a Python worker for each request of a task manager.

It differs from Beam's `worker_pool_main` as follows:

- it listens on loopback only, and runs workers with its own Python interpreter;
- workers have a state cache, so that not every read of state is a call to Flink;
- it serves several task managers, whose worker ids are equal;
- workers are forked from a process that has imported all modules: they start at once, also after a
  crash, and share the memory of the libraries.
"""

import logging
import multiprocessing
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from types import FrameType

import grpc  # type: ignore[import-untyped]
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc

from deploy.flink.worker import work
from rivulet.settings import ArgumentParser, option

STOP_S = 5.0
SWEEP_S = 1.0
THREADS = 8
PRELOAD = [
    "apache_beam", "torch", "pipelines.recommend", "pipelines.graph.graph",
    "inference.models.directory", "sources.kafka.read", "sinks.by_name", "sinks.sql.store",
    "sqlalchemy.dialects.mysql.pymysql", "sinks.mongo.store", "sinks.redis.store",
    "deploy.flink.worker",
]  # fmt: skip
"""What workers import, imported once.

What a worker imports itself delays its first bundles, and its garbage collector visits it. A module
without which a job works may be missing.
"""
log = logging.getLogger("worker-pool")


@dataclass(frozen=True)
class PoolSettings:
    """Worker pool.

    Attributes:
        address: where to listen.
        cache_mb: cache of state and side inputs in each worker, in MiB.
    """

    address: str = option(metavar="HOST:PORT")
    cache_mb: int = option(metavar="MIB", least=0)


class Pool(beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolServicer):
    """Beam's external environment service, with a process for each worker.

    Args:
        cache_mb: cache of state and side inputs in each worker (MiB).
    """

    def __init__(self, cache_mb: int) -> None:
        self._cache_mb = cache_mb
        self._workers: list[tuple[str, BaseProcess]] = []
        self._lock = threading.Lock()
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload(PRELOAD)
        forkserver.ensure_running()

    def StartWorker(  # noqa: N802 (gRPC's name)
        self, request: beam_fn_api_pb2.StartWorkerRequest, context: grpc.ServicerContext
    ) -> beam_fn_api_pb2.StartWorkerResponse:
        """Starts a process that connects to the task manager's control endpoint."""
        worker = self._processes.Process(
            target=work,
            args=(request.control_endpoint.url, request.worker_id, self._cache_mb << 20),
            daemon=True,
        )
        try:
            worker.start()
        except OSError as error:
            return beam_fn_api_pb2.StartWorkerResponse(error=str(error))
        with self._lock:
            self._workers.append((request.worker_id, worker))
        log.info("worker %s started as process %d", request.worker_id, worker.pid)
        return beam_fn_api_pb2.StartWorkerResponse()

    def StopWorker(  # noqa: N802 (gRPC's name)
        self, request: beam_fn_api_pb2.StopWorkerRequest, context: grpc.ServicerContext
    ) -> beam_fn_api_pb2.StopWorkerResponse:
        """Answers without stopping the process.

        The process ends when its task manager closes the connection, which follows this call. The
        id does not identify the process: each task manager numbers its workers from 1-1, so that
        several task managers and jobs have workers of the same id.
        """
        return beam_fn_api_pb2.StopWorkerResponse()

    def sweep(self) -> None:
        """Removes the workers that have ended."""
        with self._lock:
            running = []
            for name, worker in self._workers:
                if worker.exitcode is None:
                    running.append((name, worker))
                else:
                    log.info("worker %s, process %d, ended (%d)", name, worker.pid, worker.exitcode)
            self._workers = running

    def close(self) -> None:
        """Stops all workers."""
        with self._lock:
            workers = [worker for _, worker in self._workers]
        for worker in workers:
            worker.terminate()
        for worker in workers:
            _stop(worker)


def _stop(worker: BaseProcess) -> None:
    worker.join(STOP_S)
    if worker.exitcode is None:
        worker.kill()
        worker.join()


def main() -> None:
    """Serves until SIGTERM or Ctrl-C."""
    parser = ArgumentParser(prog="python -m deploy.flink.pool", description=__doc__)
    parser.add_settings(PoolSettings)
    given = parser.settings_of(PoolSettings, parser.parse_args())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(message)s")
    pool = Pool(given.cache_mb)
    # Without this option a second pool could listen on the same port.
    server = grpc.server(ThreadPoolExecutor(THREADS), options=(("grpc.so_reuseport", 0),))
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(pool, server)
    server.add_insecure_port(given.address)
    server.start()
    log.info("listening on %s", given.address)
    done = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        done.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    while not done.wait(SWEEP_S):
        pool.sweep()
    server.stop(grace=0)
    pool.close()


if __name__ == "__main__":
    main()
