"""The baselines by name, made from a data set's events before the users' splits."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

from training.datasets.sequences import TEST, Sequences
from training.evaluation.baselines.neighbours import ItemNeighbours, SessionNeighbours
from training.evaluation.baselines.sequential import KINDS, SequentialOptions, train_sequential
from training.evaluation.baselines.simple import RECENT_SHARE, OwnRecent, Popular
from training.evaluation.rankers import Ranker

BASELINES = {
    "popular": "items with the most events",
    "popular-recent": f"of the last {RECENT_SHARE:.0%} of the events before a user's split",
    "own-recent": "the user's own items, the last one first, then popular-recent",
    "item-knn": "co-occurrence: cosine of items over users",
    "vsknn": "co-occurrence: what the most similar past sessions have",
    "sasrec": "self-attention over the last 50 items, by cross-entropy",
    "gru4rec": "a recurrent unit over the last 50 items, by cross-entropy",
}
"""What each baseline is, by its name."""


def make_baselines(
    names: list[str],
    sequences: Sequences,
    seeds: int,
    device: torch.device,
    advance: Callable[[str, float], None] = lambda name, score: None,
    options: SequentialOptions | None = None,
) -> Iterator[tuple[str, list[Ranker]]]:
    """Each baseline, ready to rank; one ranker per seed where chance plays a part.

    Args:
        names: of BASELINES.
        sequences: all users' events.
        seeds: how many trainings of those that are trained.
        device: where to train them.
        advance: is told the name and the validation NDCG@10 after each epoch.
        options: of those that are trained.
    """
    recent = Popular(sequences, max(1, int(RECENT_SHARE * (sequences.part != TEST).sum())))
    simple: dict[str, Callable[[], Ranker]] = {
        "popular": lambda: Popular(sequences),
        "popular-recent": lambda: recent,
        "own-recent": lambda: OwnRecent(sequences, recent),
        "item-knn": lambda: ItemNeighbours(sequences),
        "vsknn": lambda: SessionNeighbours(sequences),
    }
    for name in names:
        if name not in KINDS:
            yield name, [simple[name]()]
            continue
        trained: list[Ranker] = []
        for seed in range(seeds):
            title = f"{name}, seed {seed}"

            def tell(score: float, title: str = title) -> None:
                advance(title, score)

            shape = options or SequentialOptions()
            trained.append(train_sequential(name, sequences, seed, device, shape, tell))
        yield name, trained
