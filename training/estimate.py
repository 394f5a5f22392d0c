"""Estimates what policies would have earned, from the lists that another policy showed.

    python -m training.estimate --log feedback --policy models/v2 --estimator all --json est.json

The log must have explored: its propensities are the probabilities with which items were shown. An
estimate is the mean reward of a list, with a 95% interval clustered by user; fqe is the discounted
mean over a user's coming lists. Where the effective sample size is under --min_ess it says "cannot
tell". The table (Markdown) goes to the standard output.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rivulet.errors import UserError
from rivulet.settings import ArgumentParser
from training.cli import fail, run_command
from training.estimation.options import EstimateSettings


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; its exit status."""
    parser = ArgumentParser(
        prog="python -m training.estimate",
        description="Estimate what policies would have earned, from a log of another policy.",
    )
    parser.add_settings(EstimateSettings)
    settings = parser.settings_of(EstimateSettings, parser.parse_args(argv))

    from training.estimation.report import markdown, write_json
    from training.estimation.run import estimate

    try:
        found = estimate(settings)
        if settings.json:
            write_json(settings.json, found)
    except (UserError, OSError, ValueError) as error:
        fail(parser.prog, error)
    sys.stdout.write(markdown(found))
    return 0


if __name__ == "__main__":
    run_command(main)
