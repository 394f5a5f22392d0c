"""Options of the pipelines: one PipelineOptions subclass per concern, and how they are read.

Every default and unit is written here (or beside the source or sink that it belongs to) and
nowhere else: `--help` shows them, and the steps take them as arguments.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from apache_beam.options.pipeline_options import PipelineOptions

from transforms.histories.table import Schedule
from transforms.windows.panes import pane_seconds


class PopularOptions(PipelineOptions):
    """What is popular now."""

    @classmethod
    def _add_argparse_args(cls, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add("--popular_window", type=int, default=3600, metavar="SECONDS",
            help="seconds of events that a ranking counts (default: %(default)s)")  # fmt: skip
        add("--popular_period", type=int, default=80, metavar="SECONDS",
            help="seconds between two rankings (default: %(default)s)")  # fmt: skip
        add("--popular_size", type=int, default=17, metavar="N",
            help="items in a ranking (default: %(default)s)")  # fmt: skip

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        found = at_least_one(self, "popular_window", "popular_period", "popular_size")
        if not found and self.popular_window < self.popular_period:
            found.append(
                f"--popular_window={self.popular_window} is shorter than --popular_period="
                f"{self.popular_period}: events between two windows would count nowhere"
            )
        return found


class RecommendOptions(PipelineOptions):
    """Who gets recommendations, when, and how many."""

    @classmethod
    def _add_argparse_args(cls, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add("--recommend_window", type=int, default=60, metavar="SECONDS",
            help="a user with an event in the last so many seconds gets a recommendation "
            "(default: %(default)s)")  # fmt: skip
        add("--recommend_period", type=int, default=20, metavar="SECONDS",
            help="seconds between two recommendations (default: %(default)s)")  # fmt: skip
        add("--history_size", type=int, default=10, metavar="N",
            help="last events that make a user's history (default: %(default)s)")  # fmt: skip
        add("--min_history", type=int, default=10, metavar="N",
            help="events in the history from which on the policy ranks; users with fewer get "
            "popular items (default: %(default)s)")  # fmt: skip
        add("--recommendations", type=int, default=8, metavar="N",
            help="items of a recommendation (default: %(default)s)")  # fmt: skip
        add("--repeat_consumed", action="store_true",
            help="recommend items of the user's history too (default: never)")  # fmt: skip
        add("--history_ttl", type=int, default=0, metavar="SECONDS",
            help="forget a user that was silent for so many seconds of event time; 0 for never, "
            "which takes about 120 bytes a user (default: %(default)s)")  # fmt: skip
        add("--shards", type=int, default=16, metavar="N",
            help="shards that the users are dealt to: the most workers that can share the work, "
            "and part of the state's shape (default: %(default)s)")  # fmt: skip

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        found = at_least_one(
            self, "recommend_window", "recommend_period", "history_size", "recommendations",
            "shards",
        )  # fmt: skip
        if self.min_history < 0 or self.history_ttl < 0:
            found.append("--min_history and --history_ttl must not be negative")
        elif self.min_history > self.history_size:
            found.append(
                f"--min_history={self.min_history} is more than --history_size="
                f"{self.history_size}: no user would ever get the policy's recommendations"
            )
        return found

    def schedule(self) -> Schedule:
        """When users are due."""
        return Schedule(self.recommend_window, self.recommend_period)


class ModelOptions(PipelineOptions):
    """The policy."""

    @classmethod
    def _add_argparse_args(cls, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--model",
            action="append",
            metavar="[NAME=]DIR[:WEIGHT]",
            help="directory of a trained model, or of several versions with a file CURRENT that "
            "names the one in use; given several times with weights, the models share the users; "
            "'none' for popular items alone (default: the model that Rivulet brings)",
        )


class FeedbackOptions(PipelineOptions):
    """What came of the recommendations."""

    @classmethod
    def _add_argparse_args(cls, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add("--reward_window", type=int, default=600, metavar="SECONDS",
            help="seconds after a recommendation in which its items earn rewards "
            "(default: %(default)s)")  # fmt: skip
        add("--feedback", default=None, metavar="DIR",
            help="directory for the feedback log (Parquet): what was shown, to whom, in what "
            "state, and what it earned (default: not written)")  # fmt: skip

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        return at_least_one(self, "reward_window")


def at_least_one(options: PipelineOptions, *names: str) -> list[str]:
    """A problem for each of the options that is less than 1."""
    return [
        f"--{name}={value} must be 1 or more"
        for name in names
        if (value := getattr(options, name)) < 1
    ]


def pane_of(options: PipelineOptions) -> int:
    """The pane in which the stream is closed, in seconds: it divides every window and period."""
    popular = options.view_as(PopularOptions)
    recommend = options.view_as(RecommendOptions)
    return pane_seconds(
        popular.popular_window,
        popular.popular_period,
        recommend.recommend_window,
        recommend.recommend_period,
        options.view_as(FeedbackOptions).reward_window,
    )


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        refuse(self.prog, message)


def refuse(prog: str, message: str) -> NoReturn:
    """Ends the program over a bad option: one line, exit status 2."""
    one_line = " ".join(message.split())
    print(f"{prog}: {one_line} (--help explains the options)", file=sys.stderr)
    raise SystemExit(2)


def read_options(
    argv: Sequence[str],
    prog: str,
    description: str,
    concerns: Iterable[type[PipelineOptions]],
    **fixed: Any,
) -> PipelineOptions:
    """The options of a command line; ends the program with status 2 where they are bad.

    Args:
        argv: the command line without the program's name.
        prog: how the program is called.
        description: what it does, for --help.
        concerns: the option classes that it takes; Beam's own are taken besides.
        fixed: Beam's options that the program sets itself.
    """
    concerns = list(concerns)
    parser = _Parser(
        prog=prog,
        description=description,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Beam's own options are taken too, first of all --runner=DirectRunner (the "
        "default), PrismRunner,\nFlinkRunner, DataflowRunner, or render, which draws the "
        "pipeline's graph (--render_output=FILE, .svg, .png, .pdf or .dot; default:\n"
        "rivulet-graph.svg; or --render_port=N for a page).",
    )
    for concern in concerns:
        title = (concern.__doc__ or "").strip().splitlines()[0].rstrip(".")
        concern._add_argparse_args(parser.add_argument_group(title))  # noqa: SLF001
    _, rest = parser.parse_known_args(argv)
    unknown = _unknown_to_beam(rest, prog)
    options = PipelineOptions(list(argv), **fixed)
    # Runners elsewhere have options of their own, which only they know.
    if unknown and (options.get_all_options()["runner"] or "").lower() in (
        "", "directrunner", "prismrunner", "render",
    ):  # fmt: skip
        parser.error(f"unknown option {unknown[0]}")
    for concern in concerns:
        view = options.view_as(concern)
        for problem in getattr(view, "problems", list)():
            parser.error(problem)
    return options


def _unknown_to_beam(rest: list[str], prog: str) -> list[str]:
    """What of `rest` none of Beam's option classes knows."""
    import apache_beam.runners.render  # noqa: F401  (Its options exist once it is imported.)

    beam_parser = _Parser(prog=prog, allow_abbrev=False, add_help=False, conflict_handler="resolve")
    for concern in PipelineOptions.__subclasses__():
        if concern.__module__.startswith("apache_beam."):
            concern._add_argparse_args(beam_parser)  # noqa: SLF001
    _, unknown = beam_parser.parse_known_args(rest)
    return unknown
