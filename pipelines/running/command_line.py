"""From a command line to Rivulet's settings and Beam's options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.running.beam_import import import_beam, named_runner
from rivulet.configuration import Configuration
from rivulet.settings import ArgumentParser

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

EPILOG = """\
Beam's own options are accepted too, first of all --runner=DirectRunner (the default), PrismRunner,
FlinkRunner, DataflowRunner, or render, which draws the pipeline's graph (--render_output=FILE,
.svg, .png, .pdf or .dot, default: rivulet-graph.svg; or --render_port=N for a page)."""

_OWN_RUNNERS = ("", "directrunner", "prismrunner", "render")
"""Runners that take no options beside those that Beam's Python classes declare."""


@dataclass(frozen=True)
class JobOptions:
    """A pipeline's command line.

    Attributes:
        settings: Rivulet's own options.
        beam: the options that Beam and its runner read; none of Rivulet's are in them, so that no
            runner stores them.
    """

    settings: Configuration
    beam: PipelineOptions


def job_parser(prog: str, description: str, concerns: Sequence[type[Any]]) -> ArgumentParser:
    """The parser of a pipeline's own options, with its help."""
    parser = ArgumentParser(prog=prog, description=description, epilog=EPILOG)
    for concern in concerns:
        parser.add_settings(concern)
    return parser


def read_command_line(
    argv: Sequence[str], prog: str, description: str, concerns: Sequence[type[Any]]
) -> JobOptions:
    """The options of a command line; ends the program with status 2 where they are wrong.

    Args:
        argv: the command line without the program's name.
        prog: how the program is called.
        description: what it does, for --help.
        concerns: the settings classes that it takes.
    """
    parser = job_parser(prog, description, concerns)
    given, rest = parser.parse_known_args(argv)
    # Beam takes a second to import: not before the command line is known to be well formed.
    import_beam(argv, "apache_beam.ml.inference.base")
    settings = Configuration.read(parser, concerns, given)
    from apache_beam.options.pipeline_options import PipelineOptions

    unknown = _unknown_to_beam(rest, prog)
    beam = PipelineOptions(rest, save_main_session=False)
    # Other runners have options of their own, which only they know.
    if unknown and (beam.get_all_options()["runner"] or "").lower() in _OWN_RUNNERS:
        parser.error(f"unknown option {unknown[0]}")
    return JobOptions(settings, beam)


def _unknown_to_beam(rest: Sequence[str], prog: str) -> list[str]:
    """What of `rest` none of Beam's option classes knows."""
    if named_runner(rest) == "render":
        import apache_beam.runners.render  # noqa: F401  (Its options exist once it is imported.)
    from apache_beam.options.pipeline_options import PipelineOptions

    parser = ArgumentParser(prog=prog, add_help=False, conflict_handler="resolve")
    for concern in PipelineOptions.__subclasses__():
        if concern.__module__.startswith("apache_beam."):
            concern._add_argparse_args(parser)  # noqa: SLF001
    _, unknown = parser.parse_known_args(rest)
    return unknown
