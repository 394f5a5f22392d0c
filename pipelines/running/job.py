"""How every pipeline is run: options, set-up, progress, summary, errors in one line."""

from __future__ import annotations

import logging
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, SetupOptions

from inference.models.directory import ModelError
from pipelines.flink.local_paths import make_whole
from pipelines.flink.options import FlinkOptions
from pipelines.graph.branches import Flow, read, write_letters
from pipelines.options import read_options, refuse
from pipelines.running.drawing import drawn
from pipelines.running.errors import RunnerError, cause, without_step
from pipelines.running.runners import make_runner, runner_name
from pipelines.running.summary import Summary, show
from pipelines.running.waiting import run_to_end
from rivulet.urls import public_name
from simulation import sample_path
from sinks.base import SinkError
from sinks.options import SinkOptions
from sources.errors import SourceError
from sources.options import InputOptions, KafkaOptions
from sources.read import is_file_input

LOG_FILE = "rivulet.log"


@dataclass(frozen=True)
class Job:
    """One of Rivulet's pipelines.

    Attributes:
        name: the module's name, as in `python -m pipelines.NAME`.
        description: what it does, for --help.
        concerns: the option classes that it takes.
        build: adds its branches to a pipeline that reads.
        seals, ranks, recommends: what it does, for the summary.
    """

    name: str
    description: str
    concerns: tuple[type[PipelineOptions], ...]
    build: Callable[[Flow], None]
    closes_panes: bool = True
    ranks: bool = True
    recommends: bool = False

    @property
    def prog(self) -> str:
        """How it is called."""
        return f"python -m pipelines.{self.name}"

    def options(self, argv: Sequence[str]) -> PipelineOptions:
        """The command line's options, with the sample where no input is named."""
        concerns = (*self.concerns, FlinkOptions)
        options = read_options(argv, self.prog, self.description, concerns)
        chosen = options.view_as(InputOptions)
        chosen.input = chosen.input or str(sample_path())
        options.view_as(SetupOptions).save_main_session = False
        return options

    def construct(self, pipeline: beam.Pipeline, options: PipelineOptions) -> None:
        """Builds the whole graph."""
        flow = read(pipeline, options)
        self.build(flow)
        write_letters(flow)

    def main(self, argv: Sequence[str]) -> int:
        """Runs the job from a command line; its exit status."""
        _log_to_file()
        options = self.options(argv)
        try:
            return self._run(options)
        except (SourceError, SinkError, ModelError, RunnerError) as error:
            refuse(self.prog, without_step(error))
        except KeyboardInterrupt:
            print(f"\n{self.prog}: stopped; run it again to go on: what is written stays right")
            return 130
        except Exception as error:
            logging.exception("the job failed")
            print(f"{self.prog}: failed: {cause(error)} (log: {LOG_FILE})", file=sys.stderr)
            return 1

    def _run(self, options: PipelineOptions) -> int:
        chosen = options.view_as(InputOptions).input
        bounded = is_file_input(chosen) or bool(options.view_as(KafkaOptions).kafka_stop_at)
        runner = make_runner(options, bounded, is_file_input(chosen))
        if runner_name(options) == "flinkrunner":
            make_whole(options)
        pipeline = beam.Pipeline(runner=runner, options=options)
        self.construct(pipeline, options)
        if runner_name(options) == "render":
            pipeline.run().wait_until_finish()
            print("\n".join(drawn(options)))
            return 0
        letters = options.view_as(SinkOptions).dead_letters
        if bounded and "://" not in letters:
            # A run over the whole input tells all of its dead letters anew.
            Path(letters).unlink(missing_ok=True)
        started = time.monotonic()
        result, more = run_to_end(pipeline, runner, options, bounded)
        if result is None:
            print("\n".join(more))
            return 130
        summary = Summary.of(result, time.monotonic() - started)
        rows = summary.rows(
            closes_panes=self.closes_panes, ranks=self.ranks, recommends=self.recommends
        )
        show(
            f"pipelines.{self.name}",
            [("input", public_name(chosen)), *rows],
            [*self._hints(options, summary), *more],
        )
        return 0

    def _hints(self, options: PipelineOptions, summary: Summary) -> list[str]:
        sinks = options.view_as(SinkOptions)
        names = ("record", "popular", "recommendation")
        stores = dict.fromkeys(sink.name for name in names for sink in sinks.sources(name))
        hints = [f"Results: {', '.join(stores)}"] if stores else []
        if summary.get("malformed") or summary.get("late") or summary.get("refused"):
            hints.append(f"Dead letters: {sinks.dead_letters}")
        hints.append(f"Log: {LOG_FILE}")
        if stores:
            hints.append(f"See them: python -m serving --store {next(iter(stores))}")
        return hints


def _log_to_file() -> None:
    """Beam's warnings go to a file: the terminal is for progress and the summary."""
    warnings.simplefilter("ignore")
    handler = logging.FileHandler(LOG_FILE, delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.setLevel(logging.WARNING)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
