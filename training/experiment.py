"""Plans an experiment with several models on live users, and reports what it shows.

    python -m training.experiment plan --log FEEDBACK --effect 0.05 --treated 0.1
    python -m training.experiment report --log FEEDBACK --control a --share a=0.9 b=0.1

The job runs with `--model a=DIR:0.9 --model b=DIR:0.1`. The interval is always valid: the report
may be read at any time and as often as wanted, and the experiment stopped when it says so.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from rivulet.errors import UserError
from rivulet.settings import ArgumentParser
from training.cli import fail, run_command
from training.experiments.options import ACTIONS, PLAN, ExperimentSettings, problems


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; its exit status."""
    parser = ArgumentParser(
        prog="python -m training.experiment",
        description="Plan an experiment with several models, or report what it shows.",
    )
    parser.add_argument("action", choices=ACTIONS, help="what to do")
    parser.add_settings(ExperimentSettings)
    given = parser.parse_args(argv)
    settings = parser.settings_of(ExperimentSettings, given)
    for problem in problems(settings, given.action):
        parser.error(problem)

    from training.experiments.arms import read_experiment
    from training.experiments.plan import plan
    from training.experiments.report import markdown, report

    try:
        log = read_experiment(settings.log)
        if given.action == PLAN:
            needed = plan(log, settings.effect, settings.power, settings.treated)
            result = needed.as_json()
            said = (
                f"{needed.users:,} users, of them {needed.treated_users:,} in the new arm: "
                f"{needed.days:,.1f} days with {needed.users_per_day:,.0f} users a day\n"
            )
        else:
            found = report(log, settings.control, dict(settings.share))
            result, said = found.as_json(), markdown(found)
        if settings.json:
            settings.json.parent.mkdir(parents=True, exist_ok=True)
            settings.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    except (UserError, OSError, ValueError) as error:
        fail(parser.prog, error)
    sys.stdout.write(said)
    return 0


if __name__ == "__main__":
    run_command(main)
