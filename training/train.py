"""Trains a policy on a data set and writes its model directory.

    python -m training.train --algorithm reinforce --data data --output model

First the state encoder and the items' vectors learn the next item (supervised pretraining), then
the algorithm trains on (`training.algorithms`). Where the data set has a feedback log, the
algorithm learns from the recommended lists and their rewards, and validation estimates the reward
of its own lists (`training.trainer.validation`). Otherwise it learns from what users did, and
validation is NDCG@10 of the next item. Validation uses the last tenth of the training data. It
finds the best numbers of epochs; a second training then uses all of the training data for as many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rivulet.errors import UserError
from rivulet.settings import ArgumentParser
from training.algorithms.registry import BUILT_IN, AlgorithmError, find_algorithm
from training.cli import fail, run_command
from training.trainer.config import NetworkSettings, TrainConfig, TrainSettings

PROG = "python -m training.train"


def parse(argv: Sequence[str] | None) -> tuple[TrainSettings, NetworkSettings, TrainConfig]:
    """The settings of a command line, with the options of its algorithm."""
    parser = ArgumentParser(
        prog=PROG, description="Train a policy on a data set and write its model directory."
    )
    for shared in (TrainSettings, NetworkSettings, TrainConfig):
        parser.add_settings(shared)
    # An algorithm accepts its own options alone; the help without one shows all built-in options.
    own = _options_of(getattr(_named(argv), "algorithm", None))
    for options in own:
        parser.add_settings(options)
    given = parser.parse_args(argv)
    config = replace(
        parser.settings_of(TrainConfig, given),
        algorithm=given.algorithm,
        options=parser.settings_of(own[0], given),
    )
    return (
        parser.settings_of(TrainSettings, given),
        parser.settings_of(NetworkSettings, given),
        config,
    )


def _options_of(name: str | None) -> list[type[Any]]:
    """The options of an algorithm; those of all built-in ones without a name."""
    if name is None:
        return [options for _, options in BUILT_IN.values()]
    if name in BUILT_IN:
        return [BUILT_IN[name][1]]
    try:
        return [find_algorithm(name).options]
    except AlgorithmError as error:
        fail(PROG, error)


def _named(argv: Sequence[str] | None) -> object:
    import argparse

    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    first.add_argument("--algorithm")
    try:
        return first.parse_known_args(argv)[0]
    except argparse.ArgumentError:  # The whole parser says what is wrong.
        return None


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; its exit status."""
    settings, shape, config = parse(argv)

    import sys

    from rich.console import Console
    from rich.table import Table

    from training.trainer.session import train

    try:
        info = train(settings, shape, config)
    except (UserError, ValueError, OSError) as error:
        print(f"{PROG}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    table = Table(title=f"{info.label} in {settings.output}", title_justify="left")
    table.add_column("measured on validation")
    table.add_column("value", justify="right")
    for name, value in info.metrics.items():
        table.add_row(name, f"{value:.4f}")
    Console().print(table)
    return 0


if __name__ == "__main__":
    run_command(main)
