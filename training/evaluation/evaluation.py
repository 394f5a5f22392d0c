"""One run of `training.evaluate`: all models and baselines through one protocol."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from training.cli import progress_bar, progress_console
from training.datasets.loading import DataError, load_sequences
from training.evaluation.baselines.ease import too_large
from training.evaluation.baselines.registry import make_baselines
from training.evaluation.differences import add_differences
from training.evaluation.models import load_models
from training.evaluation.options import EvaluateSettings
from training.evaluation.protocol import MeasureConfig, Report, measure
from training.evaluation.queries import EvaluationQueries
from training.evaluation.rankers import PolicyRanker, Ranker


def evaluate(settings: EvaluateSettings) -> tuple[list[Report], str]:
    """The reports of all models and baselines, models first, and the protocol to show first.

    Raises:
        DataError: the data set is missing, broken, too small, or too large for a baseline.
        UserError: --against names no row.
        ModelError: a model is missing or broken.
    """
    sequences = load_sequences(settings.data)
    queries = EvaluationQueries.of(sequences, settings.users, settings.seed)
    if not len(queries):
        raise DataError(
            f"{settings.data}: no user has two events, one before and one after a split"
        )
    rule = "repeats" if settings.repeat_consumed else "new"
    if rule == "new" and not len(queries.targets(settings.goal, rule)[0]):
        progress_console.print("note: no user has a new item after the split; repeats are allowed")
        rule = "repeats"
    wanted = list(settings.wanted_baselines)
    if "ease" in wanted and (problem := too_large(sequences)):
        if "all" not in settings.baselines:
            raise DataError(f"{settings.data}: {problem}; leave ease out of --baselines")
        progress_console.print(f"note: {problem}; it is left out", highlight=False)
        wanted.remove("ease")
    config = MeasureConfig(samples=settings.samples, seed=settings.seed)
    reports: list[Report] = []
    models = [(path, *load_models(path, sequences, settings.device)) for path in settings.model]
    labels = [label for _, label, _ in models]
    with progress_bar() as bar:

        def run(name: str, kind: str, rankers: Sequence[Ranker]) -> None:
            task = bar.add_task(name, total=2 * len(rankers) * len(queries))
            reports.append(
                measure(name, kind, rankers, queries, config, lambda n: bar.advance(task, n))
            )
            bar.remove_task(task)

        for path, label, policies in models:
            name = label if labels.count(label) == 1 else f"{label} ({path})"
            run(name, "model", [PolicyRanker(policy) for policy in policies])
        training = bar.add_task("training", total=None, visible=False)

        def show(name: str, score: float) -> None:
            text = f"training {name}: validation NDCG@10 {score:.4f}"
            bar.update(training, description=text, visible=True)

        device = torch.device(settings.device)
        for name, rankers in make_baselines(wanted, sequences, settings.seeds, device, show):
            bar.update(training, visible=False)
            run(name, "baseline", rankers)
    add_differences(reports, settings.against, config)
    return reports, f"{settings.goal}/{rule}"
