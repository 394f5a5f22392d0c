"""The baseline SASRec on MovieLens-1M, beside the figures that its paper gives.

    python -m benchmarks.sasrec_ml1m ml-1m/ratings.dat

The file is GroupLens' ratings.dat (user::item::rating::time), which is not part of Rivulet. The
protocol is the paper's (Kang and McAuley, 2018): items with five ratings, each user's last item is
the target and the one before it is for validation; the target is ranked among 100 random items that
the user has not rated. That overstates a ranker's quality, so that the metrics over all items stand
beside them. The network has the paper's size, and Rivulet's loss (cross-entropy, not binary).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv
import torch
from rich.console import Console
from rich.table import Table

from inference.models.ids import IdMap
from rivulet.errors import UserError
from rivulet.settings import ArgumentParser, option
from training.cli import device, progress_console
from training.datasets.sequences import TEST, TRAIN, VALID, Sequences, make_sequences
from training.evaluation.baselines.sequence_model import SequentialOptions
from training.evaluation.baselines.sequential import SequentialRanker, train_sequential
from training.evaluation.metrics import Estimate, mean_interval, resample
from training.evaluation.queries import EvaluationQueries

LEAST = 5
"""Ratings of an item, at least."""
NEGATIVES, CUT = 100, 10
PUBLISHED = {"HR@10": 0.8245, "NDCG@10": 0.5905}
"""SASRec on ML-1M with 100 sampled items: table III of its paper."""


@dataclass(frozen=True)
class Ml1mSettings:
    """Training and sampling; the defaults are the paper's.

    Attributes:
        dim: length of the items' vectors.
        window: last items of a history that count.
        epochs: epochs, at most.
        patience: epochs without a better validation after which training ends.
        batch: sequences of a step.
        seed: seed of the training and of the sampled items.
        device: PyTorch device, such as cpu or cuda.
    """

    dim: int = option(50, "N", least=2)
    window: int = option(200, "ITEMS", least=1)
    epochs: int = option(200, "EPOCHS", least=1)
    patience: int = option(20, "EPOCHS", least=1)
    batch: int = option(128, "N", least=1)
    seed: int = option(0, "N", least=0)
    device: str = option("cpu", "DEVICE", parse=device)


def load_ratings(path: Path) -> Sequences:
    """The ratings as sequences; each user's last event is for the test, the one before validates.

    Raises:
        UserError: the file cannot be read, or has no ratings.
    """
    try:
        text = path.read_bytes().replace(b"::", b",")
        names = ["user", "item", "rating", "time"]
        options = pcsv.ReadOptions(column_names=names)
        table = pcsv.read_csv(pa.BufferReader(text), options)
        user, item, time = (
            table[name].cast(pa.int64()).to_numpy() for name in ("user", "item", "time")
        )
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{path} is no ratings.dat of MovieLens-1M: {error}") from error
    counted = np.unique(item, return_counts=True)
    kept = np.isin(item, counted[0][counted[1] >= LEAST])
    if not kept.any():
        raise UserError(f"{path} has no item with {LEAST} ratings")
    user, item, time = user[kept], item[kept], time[kept]
    items = IdMap(np.unique(item))
    found = make_sequences(user, item, np.zeros(len(user), np.int8), time, items=items)
    ends = np.append(found.start[1:] != found.start[:-1], True)
    before = np.append(ends[1:], False) & (found.start < np.arange(len(found)))
    found.split[:] = np.where(ends, TEST, np.where(before, VALID, TRAIN))
    return found


def ranks_of(
    ranker: SequentialRanker, queries: EvaluationQueries, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """The place of each user's target, from 0: among the sampled items, and among all new ones.

    A user without NEGATIVES items to sample from gets all of them.
    """
    sequences, random = queries.sequences, np.random.default_rng(seed)
    catalogue = len(sequences.items)
    sampled, full = [], []
    for rows in queries.blocks():
        ranked = ranker.rank(queries.block(rows), catalogue, False)
        target = sequences.raw_item[queries.at[rows]]
        for items, length, wanted in zip(ranked.items, ranked.length, target, strict=True):
            new = items[:length]
            place = int(np.flatnonzero(new == wanted)[0]) if wanted in new else catalogue
            others = np.flatnonzero(new != wanted)
            drawn = random.choice(others, min(NEGATIVES, len(others)), replace=False)
            full.append(place)
            sampled.append(int((drawn < place).sum()))
    return np.array(sampled), np.array(full)


def estimates(ranks: np.ndarray, seed: int) -> dict[str, Estimate]:
    """HR@10 and NDCG@10 of places, with 95% intervals over the users."""
    samples = resample(len(ranks), seed, 1_000)
    hit = ranks < CUT
    gain = np.where(hit, 1 / np.log2(ranks + 2.0), 0.0)
    return {
        "HR@10": mean_interval(hit.astype(np.float64), samples),
        "NDCG@10": mean_interval(gain, samples),
    }


def main(argv: list[str] | None = None) -> int:
    """Runs the command; its exit status."""
    parser = ArgumentParser(prog="python -m benchmarks.sasrec_ml1m", description=__doc__)
    parser.add_argument("ratings", type=Path, help="ratings.dat of MovieLens-1M")
    parser.add_settings(Ml1mSettings)
    given = parser.parse_args(argv)
    settings = parser.settings_of(Ml1mSettings, given)
    try:
        sequences = load_ratings(given.ratings)
    except UserError as error:
        parser.error(str(error))
    shape = SequentialOptions(
        dim=settings.dim,
        window=settings.window,
        heads=1,
        batch=settings.batch,
        epochs=settings.epochs,
        patience=settings.patience,
    )
    with progress_console.status("training") as status:
        ranker = train_sequential(
            "sasrec",
            sequences,
            settings.seed,
            torch.device(settings.device),
            shape,
            lambda score: status.update(f"training: validation NDCG@10 {score:.4f}"),
        )
    sampled, full = ranks_of(ranker, EvaluationQueries.of(sequences, 1 << 30), settings.seed)
    table = Table(title="SASRec on MovieLens-1M")
    for heading in ("metric", f"among {NEGATIVES} sampled", "the paper's", "among all items"):
        table.add_column(heading)
    of_all = estimates(full, settings.seed)
    for name, one in estimates(sampled, settings.seed).items():
        every = of_all[name]
        table.add_row(
            name,
            f"{one.value:.4f} ({one.low:.4f} to {one.high:.4f})",
            f"{PUBLISHED[name]:.4f}",
            f"{every.value:.4f} ({every.low:.4f} to {every.high:.4f})",
        )
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
