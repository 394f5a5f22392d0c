"""The command `rivulet`: `rivulet NAME ...` is `python -m MODULE ...`."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Sequence
from typing import NamedTuple

from rivulet import __version__
from rivulet.settings import PROGRAM

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""

MISUSE = 2
"""Exit status of a bad command line."""


class Command(NamedTuple):
    """A command.

    Attributes:
        module: what runs, as with `python -m`.
        description: what it does, in a few words.
        extra: the extra of the package that installs what it needs.
    """

    module: str
    description: str
    extra: str


COMMANDS = {
    "recommend": Command("pipelines.recommend", "record, rank and recommend", "pipelines"),
    "record": Command("pipelines.record", "record events alone", "pipelines"),
    "popular": Command("pipelines.popular", "rank popular items alone", "pipelines"),
    "page": Command("pipelines.page", "a simulated stream and its web page together", "all"),
    "inspect": Command("pipelines.inspect", "propose a schema for a file or topic", "pipelines"),
    "replay": Command("pipelines.replay", "send the events of a file to Kafka", "kafka"),
    "simulate": Command("pipelines.simulate", "make the clicks of simulated users", "pipelines"),
    "repair": Command("pipelines.repair", "remove rows of the future from stores", "pipelines"),
    "serve": Command("serving", "the web page and the JSON API over the stores", "serving"),
    "forget": Command("pipelines.forget", "remove a user from stores and feedback", "pipelines"),
    "prepare": Command("training.prepare", "raw logs to a data set", "training"),
    "embed": Command("training.embed", "embeddings of users and items", "training"),
    "train": Command("training.train", "train a policy", "training"),
    "evaluate": Command("training.evaluate", "measure policies and baselines", "training"),
    "estimate": Command("training.estimate", "what policies would have earned", "training"),
    "loop": Command("training.loop", "retrain, estimate, promote what is better", "training"),
    "models": Command("training.models", "list, promote and roll back versions", "training"),
    "experiment": Command("training.experiment", "plan and report experiments", "training"),
    "deploy": Command("deploy", "real servers on this machine, for development and tests", "all"),
}  # fmt: skip


def usage() -> str:
    """The text of `rivulet --help`."""
    lines = [f"  {name:<11}{command.description}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            "usage: rivulet COMMAND [OPTIONS]",
            "",
            "A real-time recommender. `rivulet COMMAND --help` explains a command's options.",
            "",
            "commands:",
            *lines,
            "",
            "options:",
            "  --help     show this text",
            "  --version  show the version",
        ]
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; returns its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(usage())
        return 0 if arguments else MISUSE
    name, *rest = arguments
    if name in ("-V", "--version"):
        print(f"rivulet {__version__}")
        return 0
    command = COMMANDS.get(name)
    if command is None:
        print(f"rivulet: there is no command '{name}' (rivulet --help lists them)", file=sys.stderr)
        return MISUSE
    PROGRAM.set(f"rivulet {name}")
    sys.argv = [sys.argv[0], *rest]
    try:
        runpy.run_module(command.module, run_name="__main__", alter_sys=True)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in _own_packages():
            raise
        print(
            f"rivulet {name}: the package {error.name} is not installed: "
            f"pip install 'rivulet[{command.extra}]'",
            file=sys.stderr,
        )
        return MISUSE
    except KeyboardInterrupt:
        print(f"\nrivulet {name}: stopped", file=sys.stderr)
        return INTERRUPTED
    return 0


def _own_packages() -> set[str]:
    return {command.module.partition(".")[0] for command in COMMANDS.values()} | {
        "rivulet", "sources", "transforms", "inference", "sinks", "simulation",
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
