"""How every pipeline is run: options, set-up, progress, summary, errors in one line."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.flink.options import FlinkSettings
from pipelines.running.command_line import JobOptions, read_command_line
from rivulet.errors import UserError
from rivulet.settings import program, refuse
from sinks.options import (
    DeadLetterSettings,
    PopularSinkSettings,
    RecommendationSinkSettings,
    RecordSinkSettings,
)
from sources.options import InputSettings, KafkaSettings, is_file_input

if TYPE_CHECKING:
    import apache_beam as beam

    from pipelines.graph.job_graph import JobGraph
    from pipelines.running.summary import Summary
    from sinks.base import StoreSource
    from transforms.progress import ProgressCounters

LOG_FILE = "rivulet.log"

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""

OTHER_STATE = (
    "--savepoint: its state is that of another job: give the --shards, --history_size and sinks of "
    "the job that made it, and run the same version of Rivulet"
)


@dataclass(frozen=True)
class Job:
    """One of Rivulet's pipelines.

    Attributes:
        name: the module's name, as in `python -m pipelines.NAME`.
        description: what it does, for --help.
        concerns: the settings classes that it takes.
        build: adds what follows the source.
        closes_panes, ranks, recommends: what it does, for the summary.
    """

    name: str
    description: str
    concerns: tuple[type[Any], ...]
    build: Callable[[JobGraph], None]
    closes_panes: bool = True
    ranks: bool = True
    recommends: bool = False

    @property
    def prog(self) -> str:
        """How it is called."""
        return program(f"python -m pipelines.{self.name}")

    def options(self, argv: Sequence[str]) -> JobOptions:
        """The command line's options, with the sample where no input is named."""
        concerns = (*self.concerns, FlinkSettings)
        options = read_command_line(argv, self.prog, self.description, concerns)
        from pipelines.running.modes import problems
        from simulation import sample_path

        for problem in problems(options):
            refuse(self.prog, problem)
        if options.settings[InputSettings].input:
            return options
        sample = options.settings.replace(InputSettings, input=str(sample_path()))
        return replace(options, settings=sample)

    def construct(self, pipeline: beam.Pipeline, options: JobOptions) -> ProgressCounters:
        """Builds the whole graph; returns the job's counters."""
        from pipelines.graph.graph import read
        from pipelines.graph.job_graph import new_progress

        progress = new_progress(self.name)
        self.build(read(pipeline, options.settings, progress))
        return progress

    def main(self, argv: Sequence[str]) -> int:
        """Runs the job from a command line; its exit status."""
        _log_to_file()
        try:
            options = self.options(argv)
            return self._run_and_report(options)
        except KeyboardInterrupt:
            print(f"\n{self.prog}: stopped; run it again to continue: what is written stays right")
            return INTERRUPTED

    def _run_and_report(self, options: JobOptions) -> int:
        from pipelines.running.errors import cause, is_interrupt, is_other_state, without_step

        try:
            return self._run(options)
        except UserError as error:
            refuse(self.prog, without_step(error))
        except Exception as error:
            if is_interrupt(error):
                raise KeyboardInterrupt from error
            if options.settings[FlinkSettings].savepoint and is_other_state(error):
                refuse(self.prog, OTHER_STATE)
            logging.exception("the job failed")
            print(f"{self.prog}: failed: {cause(error)} (log: {log_file()})", file=sys.stderr)
            return 1

    def _run(self, options: JobOptions) -> int:
        import apache_beam as beam

        from pipelines.running.runners import make_runner, runner_name
        from pipelines.running.summary import Summary, show
        from pipelines.running.waiting import run_to_end
        from rivulet.urls import public_name
        from sinks.files.append_file import AppendFile

        chosen = str(options.settings[InputSettings].input)
        files = is_file_input(chosen)
        bounded = files or options.settings[KafkaSettings].is_bounded
        runner = make_runner(options, bounded, files)
        if runner_name(options.beam) == "flinkrunner":
            from pipelines.flink.local_paths import with_absolute_paths

            options = replace(options, settings=with_absolute_paths(options.settings))
        pipeline = beam.Pipeline(runner=runner, options=options.beam)
        progress = self.construct(pipeline, options)
        if runner_name(options.beam) == "render":
            from pipelines.running.drawing import drawn

            pipeline.run().wait_until_finish()
            print("\n".join(drawn(options.beam)))
            return 0
        letters = options.settings[DeadLetterSettings]
        if bounded and "://" not in letters.dead_letters:
            # A run over the whole input writes all of its dead letters anew.
            AppendFile(letters.dead_letters, keep=letters.dead_letters_keep).remove()
        started = time.monotonic()
        result, more = run_to_end(pipeline, runner, options, bounded, progress)
        if result is None:
            print("\n".join(more))
            return 130
        for store in _stores(options):
            store.tidy()
        summary = Summary.of(result, time.monotonic() - started)
        rows = summary.rows(
            closes_panes=self.closes_panes, ranks=self.ranks, recommends=self.recommends
        )
        show(
            f"pipelines.{self.name}",
            [("input", public_name(chosen)), *rows],
            [*hints(options, summary), *more],
        )
        return 0


def hints(options: JobOptions, summary: Summary) -> list[str]:
    """Where the results of a job are, a line each: of the outputs that it has, no others."""
    settings = options.settings
    stores = dict.fromkeys(store.name for store in _stores(options))
    found = [f"Results: {', '.join(stores)}"] if stores else []
    letters = (
        "malformed", "malformed_items", "malformed_forgotten", "late", "refused",
        "impression_malformed", "impression_late",
    )  # fmt: skip
    if any(map(summary.get, letters)):
        found.append(f"Dead letters: {settings[DeadLetterSettings].dead_letters}")
    found.append(f"Log: {log_file()}")
    if stores:
        found.append(f"See them: python -m serving --store {next(iter(stores))}")
    return found


def _stores(options: JobOptions) -> dict[StoreSource, None]:
    """The stores of a job, each once."""
    outputs = (RecordSinkSettings, PopularSinkSettings, RecommendationSinkSettings)
    chosen = (concern for concern in options.settings if isinstance(concern, outputs))
    return dict.fromkeys(store for output in chosen for store in output.sources())


def log_file() -> Path:
    """The log: in the current folder, or in that for temporary files where it is read-only."""
    if os.access(Path.cwd(), os.W_OK):
        return Path(LOG_FILE)
    return Path(tempfile.gettempdir()) / LOG_FILE


def _log_to_file() -> None:
    """Writes Beam's warnings to a file: the terminal is for progress and the summary."""
    warnings.simplefilter("ignore")
    # NumPy sets a filter of its own when it is imported, which may be later.
    logging.captureWarnings(True)
    handler = logging.FileHandler(log_file(), delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.setLevel(logging.WARNING)
    # RunInference logs this for every bundle where Beam found no PyTorch (`beam_import`).
    handler.addFilter(lambda record: "Resource module" not in str(record.msg))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
