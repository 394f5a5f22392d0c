"""The loop: retrains on a job's feedback log, and promotes what is better than the model in use.

    python -m training.loop --log FEEDBACK --models MODELS --every 1h

A round splits the log by time, trains a candidate on what is before from where the model in use
stands, and estimates both on what is after (`training.estimate`). Where the estimate's lower bound
is above the model's in use, the candidate is trained again on all of the log and named in CURRENT.
Else the round says why not. With --canary the new version gets a share of the users first
(`training.promotion.rollout`). Each decision is a line of MODELS/decisions.jsonl. A round that a
crash interrupted is repeated safely.
"""

from __future__ import annotations

from collections.abc import Sequence

from rivulet.errors import UserError
from rivulet.settings import ArgumentParser
from training.cli import fail, run_command
from training.promotion.options import LoopSettings, RetrainSettings


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; its exit status."""
    parser = ArgumentParser(
        prog="python -m training.loop",
        description="Retrain on a job's feedback log; promote what is better.",
    )
    parser.add_settings(LoopSettings)
    parser.add_settings(RetrainSettings)
    given = parser.parse_args(argv)
    settings = parser.settings_of(LoopSettings, given)
    retrain = parser.settings_of(RetrainSettings, given)

    from training.promotion.decisions import locked, recover
    from training.promotion.news import follow
    from training.promotion.rollout import LOOK, is_shared, watch
    from training.promotion.rounds import run_round

    def one_round() -> str:
        decision = watch(settings) if is_shared(settings) else run_round(settings, retrain)
        if decision is None:
            return (
                "the log has nothing new since the last decision, or no list later than what the "
                "model in use learnt from"
            )
        used = f"{decision.version or 'no model'} is in use"
        return f"{decision.candidate}: {decision.action}: {decision.reason}; {used}"

    try:
        with locked(settings.models):
            recover(settings.models)
            if settings.every is None:
                print(one_round())
                return 0
            follow(settings, one_round, lambda: LOOK if is_shared(settings) else None)
    except (UserError, OSError, ValueError) as error:
        fail(parser.prog, error)
    return 0


if __name__ == "__main__":
    run_command(main)
