"""Waits for a job on Flink: names its page, ends it with its input, stops it on request."""

from __future__ import annotations

import shutil
import sys
import time

import grpc  # type: ignore[import-untyped]
from apache_beam.runners.runner import PipelineResult, PipelineState

from pipelines.flink.job import ENDED, FlinkJob
from pipelines.flink.options import FlinkSettings, find_savepoint
from pipelines.flink.runner import RivuletFlinkRunner
from pipelines.running.errors import RunnerError
from pipelines.running.progress import Progress

POLL_S = 0.5
LOOK_S = 2.0
IDLE_LOOKS = 3
"""So often in a row a job must be found at the end of its input before it is ended."""


class FlinkWatch:
    """A running job.

    Attributes:
        job: the job as Flink shows it.
        goes_on: whether the user chose to leave it running.

    Args:
        runner: what runs it.
        streaming: it is a stream, which Ctrl-C stops with a savepoint.
        chosen: the settings for Flink.
        bounded: the input ends.
    """

    def __init__(
        self, runner: RivuletFlinkRunner, streaming: bool, chosen: FlinkSettings, bounded: bool
    ) -> None:
        self._runner, self._bounded = runner, bounded
        self._streaming, self._target = streaming, chosen.savepoint_dir
        self.job: FlinkJob = runner.job()
        self.goes_on = False

    def progress(self) -> Progress:
        """A progress line: by Flink's REST, but for a batch in this process."""
        if self._runner.is_embedded and not self._streaming:
            return Progress()
        # Not the job of now: its address is known once the job server has started.
        return Progress(lambda: self.job.seen(), LOOK_S)

    def wait(self, result: PipelineResult, progress: Progress) -> None:
        """Waits for the end; a stream with an end is ended when all of it has been done.

        Raises:
            RunnerError: the job server is gone.
            RuntimeError: the job failed.
        """
        self.job = self._runner.job()
        told, idle, next_look = False, 0, 0.0
        while not PipelineState.is_terminal(_state(result, self._runner)):
            time.sleep(POLL_S)
            if time.monotonic() < next_look:
                continue
            next_look = time.monotonic() + LOOK_S
            if not told and self._known():
                progress.say(f"Flink: {self.job.page}")
                told = True
            if self._streaming and self._bounded:
                idle = idle + 1 if self.job.is_idle() else 0
                if idle == IDLE_LOOKS:
                    self._drain()
        if _state(result, self._runner) != PipelineState.CANCELLED:
            result.wait_until_finish()

    def interrupted(self, result: PipelineResult) -> str | None:
        """Answers Ctrl-C: asks, or stops the job with a savepoint.

        Returns:
            The savepoint, or None where there is none: the job was a batch, or goes on.

        Raises:
            OSError: Flink does not answer, or makes no savepoint.
        """
        if not self._known() or self.job.state() in ENDED:
            return None
        if not self._streaming:
            self.job.cancel()
            return None
        if not self._runner.is_embedded and sys.stdin.isatty():
            print(f"\nThe job runs on Flink: {self.job.page}", file=sys.stderr)
            if input("Leave it running? [y/N] ").strip().lower() in ("y", "yes"):
                self.goes_on = True
                return None
        print("\nStopping the job with a savepoint ...", file=sys.stderr)
        savepoint = self._stop()
        while not PipelineState.is_terminal(_state(result, self._runner)):
            time.sleep(POLL_S)
        return savepoint

    def _drain(self) -> None:
        """Ends a job that is at its end; the savepoint that comes of it is of no use."""
        savepoint = self._stop(drain=True)
        if self._runner.is_embedded:
            shutil.rmtree(savepoint.removeprefix("file://").removeprefix("file:"))
        else:
            self.job.dispose(savepoint)

    def _stop(self, drain: bool = False) -> str:
        try:
            return self.job.stop(self._target, drain)
        except OSError:
            # An embedded cluster ends with its job, often before it answers.
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
