"""Monitors a job on Flink: shows its page, ends it with its input, stops it on Ctrl-C."""

from __future__ import annotations

import shutil
import sys
import time

import grpc  # type: ignore[import-untyped]
from apache_beam.runners.runner import PipelineResult, PipelineState

from pipelines.flink.job import ENDED, FlinkJob
from pipelines.flink.options import FlinkSettings, find_savepoint
from pipelines.flink.runner import RivuletFlinkRunner
from pipelines.running.errors import RunnerError, is_permanent
from pipelines.running.progress import Progress
from transforms.progress import ProgressCounters

POLL_S = 0.5
CHECK_S = 2.0
IDLE_CHECKS = 3
"""Consecutive checks that must find a job at the end of its input before it is ended."""


class FlinkWatch:
    """A running job.

    Attributes:
        job: the job, by Flink's REST interface.
        left_running: whether the user chose to leave it running.

    Args:
        runner: its runner.
        streaming: it is a stream, which Ctrl-C stops with a savepoint.
        chosen: the settings for Flink.
        bounded: the input ends.
        counters: the job's progress counters in this process.
    """

    def __init__(
        self,
        runner: RivuletFlinkRunner,
        streaming: bool,
        chosen: FlinkSettings,
        bounded: bool,
        counters: ProgressCounters,
    ) -> None:
        self._runner, self._bounded, self._counters = runner, bounded, counters
        self._streaming, self._target = streaming, chosen.savepoint_dir
        self.job: FlinkJob = runner.job()
        self.left_running = False

    def progress(self) -> Progress:
        """The progress line, from Flink's metrics, or from this process's counters for a batch."""
        if self._runner.is_embedded and not self._streaming:
            return Progress(self._counters)
        # A lambda, because `wait` replaces `job` when the job server has started.
        return Progress(self._counters, lambda: self.job.progress(), CHECK_S)

    def wait(self, result: PipelineResult, progress: Progress) -> None:
        """Waits for the end of the job; a bounded stream is ended when all of it is processed.

        Raises:
            RunnerError: the job server ended.
            RuntimeError: the job failed, or a step raised what no restart resolves.
        """
        self.job = self._runner.job()
        page_shown, idle, next_check = False, 0, 0.0
        while not PipelineState.is_terminal(_state(result, self._runner)):
            time.sleep(POLL_S)
            if time.monotonic() < next_check:
                continue
            next_check = time.monotonic() + CHECK_S
            if not page_shown and self._known():
                progress.say(f"Flink: {self.job.page}")
                page_shown = True
            self._end_if_permanent()
            if self._streaming and self._bounded:
                idle = idle + 1 if self.job.is_idle() else 0
                if idle == IDLE_CHECKS:
                    self._drain()
        if _state(result, self._runner) != PipelineState.CANCELLED:
            result.wait_until_finish()

    def interrupted(self, result: PipelineResult) -> str | None:
        """Handles Ctrl-C: stops the job with a savepoint, or leaves it running if the user says so.

        Returns:
            The savepoint; None if the job was a batch, or was left running.

        Raises:
            OSError: Flink does not answer, or the savepoint failed.
        """
        if not self._known() or self.job.state() in ENDED:
            return None
        if not self._streaming:
            self.job.cancel()
            return None
        if not self._runner.is_embedded and sys.stdin.isatty():
            print(f"\nThe job runs on Flink: {self.job.page}", file=sys.stderr)
            if input("Leave it running? [y/N] ").strip().lower() in ("y", "yes"):
                self.left_running = True
                return None
        print("\nStopping the job with a savepoint ...", file=sys.stderr)
        savepoint = self._stop()
        while not PipelineState.is_terminal(_state(result, self._runner)):
            time.sleep(POLL_S)
        return savepoint

    def _end_if_permanent(self) -> None:
        """Cancels a job that restarts for an error that a restart does not resolve.

        Flink restarts a job after any error. An error in words for the user, such as a topic that
        was deleted, comes again after each restart.

        Raises:
            RuntimeError: with the worker's traceback.
        """
        if not self._streaming:
            return  # A batch is not restarted.
        try:
            trace = next(filter(is_permanent, self.job.errors()), None)
            if trace is None:
                return
            if self.job.state() not in ENDED:
                self.job.cancel()
        except OSError:
            return  # Flink is starting, or too busy to answer: the next check asks again.
        raise RuntimeError(trace)

    def _drain(self) -> None:
        """Ends a job that has processed its input, and removes the savepoint that this makes."""
        savepoint = self._stop(drain=True)
        if self._runner.is_embedded:
            shutil.rmtree(savepoint.removeprefix("file://").removeprefix("file:"))
        else:
            self.job.dispose(savepoint)

    def _stop(self, drain: bool = False) -> str:
        try:
            return self.job.stop(self._target, drain)
        except OSError:
            # An embedded cluster ends with its job, often before it has answered.
            if not self._runner.is_embedded:
                raise
            try:
                return find_savepoint(self._target or str(self._runner.savepoints))
            except ValueError as error:
                raise OSError(str(error)) from error

    def _known(self) -> bool:
        try:
            return self.job.id is not None
        except OSError:
            return False


def _state(result: PipelineResult, runner: RivuletFlinkRunner) -> str:
    try:
        return str(result.state)
    except grpc.RpcError as error:
        raise RunnerError(f"Flink's job server ended; see {runner.log}") from error
