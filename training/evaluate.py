"""Measures policies and baselines on a prepared data set, by one protocol.

    python -m training.evaluate --data data --model reinforce ddpg bcq --json scores.json

Each user's events are split by time, 80/20; at the split every ranker is asked once for a list
over the whole catalogue. Measured against all later items and against the next one, each with new
items only and with repeats allowed: NDCG@10 by the ideal list, HR@10, MRR, coverage and popularity
bias, with 95% bootstrap intervals over the users. The table (Markdown) goes to the standard output.

A --model that is a folder of model directories (trainings with several seeds) counts as one
policy: its users' metrics are means over them. Baselines that are trained, are so --seeds times.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence as Arguments
from dataclasses import replace
from pathlib import Path

import torch

from inference.models.current import CURRENT, current_directory
from inference.models.directory import load_policy
from inference.models.files import ModelError
from inference.models.info import INFO, read_info, write_info
from inference.policy import Policy
from training.cli import (
    Parser,
    at_least,
    device,
    progress_bar,
    progress_console,
    run_command,
)
from training.datasets.sequences import DataError, Sequences, load_sequences
from training.evaluation.baselines.registry import BASELINES, make_baselines
from training.evaluation.protocol import Report, Settings, measure
from training.evaluation.queries import GOALS, EvaluationQueries
from training.evaluation.rankers import PolicyRanker, Ranker
from training.evaluation.report import markdown, plot, write_json

DEFAULTS = Settings()


def find_models(path: Path) -> list[Path]:
    """The model directories that a --model means, in the order of their names.

    Raises:
        ModelError: there is none.
    """
    if (path / INFO).exists() or (path / CURRENT).exists():
        return [current_directory(path)]
    found = sorted(info.parent for info in path.glob(f"*/{INFO}"))
    if not found:
        raise ModelError(
            f"{path} is no model directory and holds none; make one with `python -m training.train`"
        )
    return found


def load_models(path: Path, sequences: Sequences, where: str) -> tuple[str, list[Policy]]:
    """The policies of a --model, and what to call them: a single one by its label.

    Raises:
        ModelError: there is none, or one is broken.
    """
    policies = [load_policy(each, where) for each in find_models(path)]
    for policy in policies:
        if policy.info.fingerprint != sequences.fingerprint:
            progress_console.print(
                f"note: {policy.info.label} in {path} was trained on other data", highlight=False
            )
    info = policies[0].info
    return (info.label if len(policies) == 1 else info.name or info.algorithm), policies


def evaluate(options: argparse.Namespace) -> tuple[list[Report], str]:
    """The reports of all models and baselines, models first, and the protocol to show first.

    Raises:
        DataError: the data set is missing, broken or too small.
        ModelError: a model is missing or broken.
    """
    sequences = load_sequences(options.data)
    cases = EvaluationQueries.of(sequences, options.users, options.seed)
    if not len(cases):
        raise DataError(f"{options.data}: no user has two events, one to see and one to tell")
    rule = "repeats" if options.repeat_consumed else "new"
    if rule == "new" and not len(cases.targets(options.goal, rule)[0]):
        progress_console.print("note: no user goes on to a new item; with repeats allowed, then")
        rule = "repeats"
    settings = Settings(samples=options.samples, seed=options.seed)
    reports: list[Report] = []
    models = [(path, *load_models(path, sequences, options.device)) for path in options.model]
    labels = [label for _, label, _ in models]
    with progress_bar() as bar:

        def run(name: str, kind: str, rankers: Arguments[Ranker]) -> None:
            task = bar.add_task(name, total=2 * len(rankers) * len(cases))
            reports.append(
                measure(name, kind, rankers, cases, settings, lambda n: bar.advance(task, n))
            )
            bar.remove_task(task)

        for path, label, policies in models:
            name = label if labels.count(label) == 1 else f"{label} ({path})"
            run(name, "model", [PolicyRanker(policy) for policy in policies])
        training = bar.add_task("training", total=None, visible=False)

        def tell(name: str, score: float) -> None:
            text = f"training {name}: validation NDCG@10 {score:.4f}"
            bar.update(training, description=text, visible=True)

        where, wanted = torch.device(options.device), options.baselines
        for name, rankers in make_baselines(wanted, sequences, options.seeds, where, tell):
            bar.update(training, visible=False)
            run(name, "baseline", rankers)
    return reports, f"{options.goal}/{rule}"


def record(paths: Arguments[Path], reports: Arguments[Report], protocol: str) -> None:
    """Write the measures of single models into their model.json, as `test_...` among its metrics.

    Args:
        paths: the models that were measured, in the order of their reports.
        reports: the models' reports, and after them any others.
        protocol: whose scores to write.

    Raises:
        ModelError: a model's papers cannot be read.
    """
    for path, report in zip(paths, reports, strict=False):
        found = find_models(path)
        if len(found) > 1:
            continue
        scores = report.scores[protocol].items()
        info = read_info(found[0])
        fresh = {f"test_{name}": round(score.value, 4) for name, score in scores}
        write_info(found[0], replace(info, metrics={**info.metrics, **fresh}))


def _baselines(text: str) -> list[str]:
    names = [] if text == "none" else list(BASELINES) if text == "all" else text.split(",")
    for name in names:
        if name not in BASELINES:
            raise argparse.ArgumentTypeError(
                f"{name!r} is none of all, none, {', '.join(BASELINES)}"
            )
    return names


def _parser() -> Parser:
    parser = Parser(prog="python -m training.evaluate", description=(__doc__ or "").split("\n")[0])
    add = parser.add_argument
    add("--data", type=Path, required=True, help="folder that training.prepare wrote")
    add("--model", type=Path, nargs="+", default=[], metavar="MODEL", help="model directories")
    add("--json", type=Path, metavar="FILE", help="write the measures as JSON")
    text = "also write the measures into model.json of each --model that is a single one"
    add("--record", action="store_true", help=text)
    add("--plot", type=Path, metavar="FILE", help="draw NDCG@10 (.svg, .png, .pdf)")
    add("--baselines", type=_baselines, default="all", metavar="NAME,..", help=_baseline_help())
    add("--seeds", type=at_least(1), default=3, help="trainings of each trained baseline")
    text = "what the JSON's first-hand measures ask for; `protocols` there has all"
    add("--goal", choices=GOALS, default="later", help=text)
    text = "let them be those with repeats allowed (default: new items only)"
    add("--repeat_consumed", action="store_true", help=text)
    add("--users", type=at_least(1), default=10_000, help="users to ask, a sample of more")
    add("--samples", type=at_least(1), default=DEFAULTS.samples, help="bootstrap samples")
    add("--seed", type=at_least(0), default=0, help="of the bootstrap and the sample of users")
    add("--device", type=device, default="cpu", help="where models run and baselines are trained")
    return parser


def _baseline_help() -> str:
    each = "; ".join(f"{name}: {text}" for name, text in BASELINES.items())
    return f"all, none, or some of them. {each}".replace("%", "%%")


def main(argv: Arguments[str] | None = None) -> int:
    """Runs the command; its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    try:
        if not options.model and not options.baselines:
            parser.error("there is nothing to measure: give a --model, or --baselines")
        reports, protocol = evaluate(options)
        if options.json:
            write_json(options.json, reports, protocol)
        if options.record:
            record(options.model, reports, protocol)
        if options.plot:
            plot(options.plot, reports, f"ndcg@{DEFAULTS.k}")
    except (DataError, ModelError, OSError, ValueError) as error:
        parser.error(" ".join(str(error).split()))
    sys.stdout.write(markdown(reports))
    return 0


if __name__ == "__main__":
    run_command(main)
