"""Measures policies and baselines on a data set, by one protocol.

    python -m training.evaluate --data data --model reinforce ddpg bcq --json scores.json

Each user's events are split by time, 80/20. At the split every ranker gives one list over the
whole catalogue. Its targets are all later items, or the next one, each with new items only and
with repeats allowed. Metrics are NDCG@10 by the ideal list, HR@10, MRR, coverage and popularity
bias, with 95% bootstrap intervals over the users. Beside them stand the paired differences to one
row, by default the best baseline. The table (Markdown) goes to the standard output.

A --model that is a folder of model directories (trainings with several seeds) counts as one
policy: its users' metrics are means over them. Trained baselines are trained --seeds times.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rivulet.errors import UserError
from rivulet.settings import ArgumentParser
from training.cli import fail, run_command
from training.evaluation.options import EvaluateSettings


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; its exit status."""
    parser = ArgumentParser(
        prog="python -m training.evaluate",
        description="Measure policies and baselines on a data set, by one protocol.",
    )
    parser.add_settings(EvaluateSettings)
    settings = parser.settings_of(EvaluateSettings, parser.parse_args(argv))

    from training.evaluation.evaluation import evaluate
    from training.evaluation.models import record
    from training.evaluation.protocol import MeasureConfig
    from training.evaluation.report import markdown, plot, write_json

    try:
        reports, protocol = evaluate(settings)
        if settings.json:
            write_json(settings.json, reports, protocol)
        if settings.record:
            record(settings.model, reports, protocol)
        if settings.plot:
            plot(settings.plot, reports, f"ndcg@{MeasureConfig().k}")
    except (UserError, OSError, ValueError) as error:
        fail(parser.prog, error)
    sys.stdout.write(markdown(reports))
    return 0


if __name__ == "__main__":
    run_command(main)
