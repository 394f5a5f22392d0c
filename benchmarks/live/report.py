"""What the rounds of the live loop earned and decided."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.table import Table

from training.estimation.estimators import Terms
from training.estimation.intervals import Interval, clustered
from training.estimation.rows import EstimationError, Floats
from training.promotion.decisions import Decision, read_decisions
from training.promotion.rollout import Rewards, read_rewards


@dataclass(frozen=True, slots=True)
class Round:
    """A decision, and what lists earned since the one before.

    Attributes:
        decision: the decision.
        lists: lists of the log.
        reward: their mean reward, with an interval clustered by user.
        regret: true expected reward that the myopic oracle's lists have above those that were
            given, a list; not a number where none was.
        given: lists that users got, also those that they did not look at.
        late: those of them that were there after their event time, so that what users did with
            them may not be credited.
    """

    decision: Decision
    lists: int
    reward: Interval
    regret: float
    given: int
    late: int


def rounds_of(models: Path, log: Path, truth: Path) -> list[Round]:
    """The rounds so far.

    Args:
        models: folder of the versions.
        log: the job's feedback log.
        truth: what `benchmarks.live.users` wrote.
    """
    try:
        rewards = read_rewards(log, 0)
    except EstimationError:
        return []  # There is no file yet.
    steps = np.loadtxt(truth, delimiter=",", ndmin=2) if truth.exists() else np.empty((0, 5))
    found, since = [], 0
    for decision in read_decisions(models):
        found.append(_round(decision, rewards, steps.reshape(-1, 5), since))
        since = decision.time
    return found


def _round(decision: Decision, rewards: Rewards, steps: Floats, since: int) -> Round:
    own = (rewards.time > since) & (rewards.time <= decision.time)
    earned, ones = rewards.reward[own], np.ones(int(own.sum()))
    _, cluster = np.unique(rewards.user[own], return_inverse=True)
    of_round = steps[(steps[:, 0] > since) & (steps[:, 0] <= decision.time)]
    given, late = of_round[:, 1].sum(), of_round[of_round[:, 4] > 0, 1].sum()
    regret = (of_round[:, 3] - of_round[:, 2]).sum() / given if given else float("nan")
    reward = clustered(Terms(earned, ones), cluster)
    return Round(decision, len(earned), reward, float(regret), int(given), int(late))


def table_of(rounds: list[Round]) -> Table:
    """The rounds as a table."""
    table = Table(title="Rounds of the loop", title_justify="left")
    names = ("round", "in use before", "lists", "reward a list (95%)", "regret", "late", "decision")
    for name in names:
        table.add_column(name)
    for number, each in enumerate(rounds, 1):
        decision, reward = each.decision, each.reward
        table.add_row(
            str(number),
            decision.before or "none",
            f"{each.lists:,}",
            f"{reward.value:.3f} ({reward.low:.3f} to {reward.high:.3f})",
            f"{each.regret:.3f}",
            f"{each.late:,} of {each.given:,}",
            f"{decision.action} {decision.candidate}: {decision.reason}",
        )
    return table
