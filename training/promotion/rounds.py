"""One round of the loop: split the log by time, retrain, judge, publish, decide.

The lists that judge are later than all that the candidate and the model in use learnt from. The
version that is published has learnt from all of the log (`training.promotion.retraining`), so the
next round judges on what came after it.

A round is named by the newest time in the log. Its steps can be repeated: what a crash left of a
training is written anew, a complete candidate is kept, and a decision is carried out once
(`training.promotion.decisions`).
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from inference.models.current import CURRENT, current_stages
from inference.models.directory import load_policy
from inference.policy import Policy
from training.datasets.feedback_log import common_settings
from training.estimation.list_estimates import ListEstimator
from training.estimation.list_log import ListLog, log_files, read_list_log
from training.estimation.options import GAMMA, THRESHOLD
from training.promotion.decisions import (
    CANARY,
    KEEP,
    PROMOTE,
    Decision,
    decide,
    in_use,
    read_decisions,
)
from training.promotion.gate import Limits, Verdict, judge
from training.promotion.options import LoopSettings, RetrainSettings
from training.promotion.retraining import Retraining, digest
from training.promotion.rollout import began
from training.trainer.session import EVENTS_ALONE

PREFIX = "loop-"
CUT, PUBLISHED = "cut", "published"
"""Names among a decision's figures."""


@dataclass(frozen=True, slots=True)
class Split:
    """A log split by time.

    Attributes:
        until: the newest time in the log.
        cut: lists from then on are estimated from; candidates learn from lists whose reward
            window ends at or before it.
        begin: older lists do not count.
        window: the reward window, in seconds.
    """

    until: int
    cut: int
    begin: int
    window: int

    @staticmethod
    def of(log: ListLog, window: int, settings: LoopSettings, known: int) -> Split | None:
        """The split at which a share of the lists that are new are held out; None without any.

        Args:
            log: lists, by time.
            window: the reward window, in seconds.
            settings: horizon and share.
            known: lists before this time are not new: what the model in use learnt from reaches
                there.
        """
        until = int(log.time.max())
        begin = until - settings.horizon
        times = log.time[log.time >= max(begin, known)]
        if not len(times):
            return None
        cut = int(times[int((1 - settings.holdout) * len(times))])
        return Split(until, cut, begin, window)

    @property
    def name(self) -> str:
        """The round's name, and that of its candidate."""
        return f"{PREFIX}{self.until}"


def run_round(settings: LoopSettings, retrain: RetrainSettings) -> Decision | None:
    """Runs a round; the caller holds the folder's lock and has recovered it.

    Args:
        settings: log, models and gate.
        retrain: how to train.

    Returns:
        The decision; None where the log has nothing new since the last one, or no list that the
        model in use did not learn from.

    Raises:
        EstimationError: the log cannot be used.
        DataError: there is too little to learn from.
        ModelError: the model in use is broken.
    """
    log = read_list_log(settings.log)
    decisions = read_decisions(settings.models)
    if any(decision.time >= log.time.max() for decision in decisions):
        return None
    window = int(common_settings(log_files(settings.log), None)["reward_window"])
    before = in_use(settings.models)
    split = Split.of(log, window, settings, known_until(decisions, before, window))
    if split is None:
        return None
    candidate = settings.models / split.name
    training = Retraining(settings, retrain, candidate, before)
    folder = training.judged(split.begin, split.cut - window)
    policy = load_policy(folder, settings.device)
    held_out = log.take(log.time >= split.cut)
    verdict = _judged(settings, retrain, held_out, policy, before)
    figures = {
        CUT: split.cut,
        "lists": len(held_out),
        "learnt_from": policy.info.training.get("learnt_from"),
        "difference": _ends(verdict),
        "estimates": [each.as_json() for each in verdict.estimates],
        "judged": {"policy": policy.info.label, "digest": digest(folder)},
    }
    if verdict.passes:
        published = training.publish(split.begin, split.until, policy.info)
        figures[PUBLISHED] = {"policy": published.label, "digest": digest(candidate)}
    current = began(settings, split.name, before, split.until) if verdict.passes else ""
    accepted = CANARY if current else PROMOTE
    decision = Decision(
        id=split.name,
        action=accepted if verdict.passes else KEEP,
        version=split.name if verdict.passes and not current else before,
        before=before,
        reason=verdict.reason + _learnt_from(policy, window),
        candidate=split.name,
        time=split.until,
        figures=figures,
        current=current,
    )
    decide(settings.models, decision)
    _prune(settings, decision)
    return decision


def known_until(decisions: Sequence[Decision], version: str, window: int) -> int:
    """The time before which a version of the loop knows rewards; 0 where no decision says.

    A version that was published learnt from all lists of its log, one that was promoted by hand
    from those whose reward window ends before its cut.
    """
    for each in decisions:
        if each.id == version and CUT in each.figures:
            return each.time + window if PUBLISHED in each.figures else int(each.figures[CUT])
    return 0


def _learnt_from(policy: Policy, window: int) -> str:
    """What is to be said of a candidate that learnt from no list; "" for others."""
    if policy.info.training.get("learnt_from") != EVENTS_ALONE:
        return ""
    return (
        f"; the candidate learnt from events alone: no list before the cut has a reward window "
        f"({window} s) that ends before its user's validation events; give it a longer log"
    )


def _ends(verdict: Verdict) -> dict[str, float | None]:
    return {
        name: value if np.isfinite(value) else None
        for name, value in asdict(verdict.difference).items()
    }


def _judged(
    settings: LoopSettings, retrain: RetrainSettings, log: ListLog, candidate: Policy, before: str
) -> Verdict:
    current = load_policy(settings.models / before, settings.device) if before else None
    estimator = ListEstimator(log, THRESHOLD, GAMMA, settings.min_ess, retrain.seed)
    limits = Limits(settings.min_ess, settings.most_unsupported)
    return judge(estimator, candidate, current, limits)


def _prune(settings: LoopSettings, decision: Decision) -> None:
    """Removes the oldest versions of the loop, but not what is or was in use."""
    names = [path.name for path in settings.models.glob(f"{PREFIX}*") if path.is_dir()]
    ordered = sorted(names, key=lambda name: (len(name), name), reverse=True)
    # A job that repeats what it did before a crash needs those of earlier stages.
    has_current = (settings.models / CURRENT).exists()
    stages = current_stages(settings.models) if has_current else ()
    needed = {decision.version, decision.before, *(n for s in stages for n, _ in s.shares)}
    for name in ordered[settings.keep_versions :]:
        if name not in needed:
            shutil.rmtree(settings.models / name, ignore_errors=True)
