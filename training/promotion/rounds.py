"""One round of the loop: split the log by time, retrain, judge, decide.

A round is named by the newest time in the log. Its steps can be repeated: what a crash left of a
training is written anew, a complete candidate is kept, and a decision is carried out once
(`training.promotion.decisions`).
"""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from inference.models.current import CURRENT, current_stages
from inference.models.directory import load_policy
from inference.models.files import ModelError
from training.algorithms.registry import find_algorithm
from training.datasets.feedback_log import SETTINGS_KEY, common_settings
from training.datasets.options import PrepareSettings, UserSample
from training.datasets.preparation import prepare
from training.datasets.raw_files import find_files
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
from training.promotion.rollout import began
from training.trainer.config import NetworkSettings, TrainConfig, TrainSettings
from training.trainer.session import train

PREFIX = "loop-"
SCRATCH = ".loop"


@dataclass(frozen=True, slots=True)
class Split:
    """A log split by time.

    Attributes:
        until: the newest time in the log.
        cut: lists from then on are estimated from; models learn from lists whose reward window
            ends at or before it.
        begin: older lists do not count.
        window: the reward window, in seconds.
    """

    until: int
    cut: int
    begin: int
    window: int

    @staticmethod
    def of(log: ListLog, window: int, settings: LoopSettings) -> Split:
        """The split at which a share of the lists are held out."""
        until = int(log.time.max())
        begin = until - settings.horizon
        times = log.time[log.time >= begin]
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
        The decision; None where the log has nothing new since the last one.

    Raises:
        EstimationError: the log cannot be used.
        DataError: there is too little to learn from.
        ModelError: the model in use is broken.
    """
    log = read_list_log(settings.log)
    window = int(common_settings(log_files(settings.log), None)["reward_window"])
    split = Split.of(log, window, settings)
    if any(decision.time >= split.until for decision in read_decisions(settings.models)):
        return None
    before = in_use(settings.models)
    candidate = settings.models / split.name
    try:
        load_policy(candidate, settings.device)
    except ModelError:
        _retrain(settings, retrain, split, candidate, before)
    held_out = log.take(log.time >= split.cut)
    verdict = _judged(settings, retrain, held_out, candidate, before)
    current = began(settings, split.name, before, split.until) if verdict.passes else ""
    accepted = CANARY if current else PROMOTE
    decision = Decision(
        id=split.name,
        action=accepted if verdict.passes else KEEP,
        version=split.name if verdict.passes and not current else before,
        before=before,
        reason=verdict.reason,
        candidate=split.name,
        time=split.until,
        figures={
            "cut": split.cut,
            "lists": len(held_out),
            "difference": _ends(verdict),
            "estimates": [each.as_json() for each in verdict.estimates],
        },
        current=current,
    )
    decide(settings.models, decision)
    _prune(settings, decision)
    return decision


def _ends(verdict: Verdict) -> dict[str, float | None]:
    return {
        name: value if np.isfinite(value) else None
        for name, value in asdict(verdict.difference).items()
    }


def _retrain(
    settings: LoopSettings, retrain: RetrainSettings, split: Split, candidate: Path, before: str
) -> None:
    """Trains the candidate on what is before the cut, from where the model in use stands."""
    scratch = settings.scratch or settings.models / SCRATCH
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        learnt = scratch / "learnt.parquet"
        write_learnt(settings.log, split, learnt)
        data = PrepareSettings(input=(str(learnt),), output=scratch / "data")
        prepare(find_files(data.input), data, UserSample())
        config = TrainConfig(
            algorithm=retrain.algorithm,
            options=find_algorithm(retrain.algorithm).options(),
            pretrain_epochs=retrain.pretrain_epochs,
            epochs=retrain.epochs,
            seed=retrain.seed,
        )
        run = TrainSettings(
            algorithm=retrain.algorithm,
            data=data.output,
            output=candidate,
            start=settings.models / before if before else None,
            all_events=True,
            logs=scratch / "logs",
            device=settings.device,
        )
        train(run, NetworkSettings(), config)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def write_learnt(log: Path, split: Split, output: Path) -> None:
    """Writes the lists that models may learn from as one file of a feedback log.

    A list whose reward window ends after the cut is left out: its reward is not known at the cut.
    """
    parts = []
    for file in log_files(log):
        table = pq.read_table(file)
        time = pc.cast(table["time"], pa.int64())
        before = pc.less_equal(pc.add(time, split.window), split.cut)
        parts.append(table.filter(pc.and_(before, pc.greater_equal(time, split.begin))))
    joined = pa.concat_tables(
        [part.replace_schema_metadata(None) for part in parts], promote_options="default"
    )
    metadata = next(
        (part.schema.metadata for part in parts if SETTINGS_KEY in (part.schema.metadata or {})),
        None,
    )
    pq.write_table(joined.replace_schema_metadata(metadata), output)


def _judged(
    settings: LoopSettings, retrain: RetrainSettings, log: ListLog, candidate: Path, before: str
) -> Verdict:
    current = load_policy(settings.models / before, settings.device) if before else None
    estimator = ListEstimator(log, THRESHOLD, GAMMA, settings.min_ess, retrain.seed)
    limits = Limits(settings.min_ess, settings.most_unsupported)
    return judge(estimator, load_policy(candidate, settings.device), current, limits)


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
