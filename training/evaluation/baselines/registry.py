"""The baselines by name, made from the events of a data set before its users' splits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch

from training.datasets.sequences import TEST, Sequences
from training.evaluation.baselines import ease, ials
from training.evaluation.baselines.neighbours import ItemNeighbours, SessionNeighbours
from training.evaluation.baselines.sequence_model import KINDS, SequentialOptions
from training.evaluation.baselines.sequential import train_sequential
from training.evaluation.baselines.simple import OwnRecent, Popular
from training.evaluation.baselines.tuning import choose, validation_of
from training.evaluation.options import RECENT_SHARE
from training.evaluation.rankers import Ranker


def make_baselines(
    names: Sequence[str],
    sequences: Sequences,
    seeds: int,
    device: torch.device,
    advance: Callable[[str, float], None] = lambda name, score: None,
    options: SequentialOptions | None = None,
) -> Iterator[tuple[str, list[Ranker]]]:
    """Each baseline, ready to rank; one ranker per seed for those that are trained.

    Args:
        names: of `training.evaluation.options.BASELINES`.
        sequences: all users' events.
        seeds: trainings of each trained baseline.
        device: device to train on.
        advance: called with the name and the validation NDCG@10 after each epoch.
        options: of the trained baselines.
    """
    recent = Popular(sequences, max(1, int(RECENT_SHARE * (sequences.split != TEST).sum())))
    untrained: dict[str, Callable[[], Ranker]] = {
        "popular": lambda: Popular(sequences),
        "popular-recent": lambda: recent,
        "own-recent": lambda: OwnRecent(sequences, recent),
        "item-knn": lambda: ItemNeighbours(sequences),
        "vsknn": lambda: SessionNeighbours(sequences),
    }
    for name in names:
        if name in ("ease", "ials"):
            yield name, [_tuned(name, sequences, partial(advance, name))]
            continue
        if name not in KINDS:
            yield name, [untrained[name]()]
            continue
        trained: list[Ranker] = []
        for seed in range(seeds):

            def show(score: float, title: str = f"{name}, seed {seed}") -> None:
                advance(title, score)

            shape = options or SequentialOptions()
            trained.append(train_sequential(name, sequences, seed, device, shape, show))
        yield name, trained


def _tuned(name: str, sequences: Sequences, advance: Callable[[float], None]) -> Ranker:
    """A baseline whose options validation chooses, fitted to all events before the splits."""
    validation = validation_of(sequences)
    if name == "ease":
        return ease.fit(sequences, *choose(ease.candidates(validation), validation, advance))
    return ials.fit(sequences, choose(ials.candidates(validation), validation, advance))
