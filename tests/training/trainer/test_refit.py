"""Equal data, options and seed give equal weights."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from torch import Tensor

from inference.models.info import ModelInfo
from inference.network.network import Network
from inference.network.sizes import Sizes
from simulation.model import World
from simulation.shown import show, write_feedback
from training.algorithms.learner import rows_of
from training.algorithms.options import RewardsOptions
from training.datasets.options import PrepareSettings, UserSample
from training.datasets.preparation import prepare
from training.datasets.raw_files import find_files
from training.promotion.retraining import digest
from training.trainer.config import TrainConfig, TrainSettings
from training.trainer.refit import refit

METRICS = {"supervised_epoch": 1.0, "epoch": 2.0}
JUDGED = ModelInfo(
    "reinforce", "1", Sizes(80, 100), metrics=METRICS, training={"learnt_from": "lists"},
    min_history=3,
)  # fmt: skip
CONFIG = TrainConfig(algorithm="rewards", options=RewardsOptions(), full_softmax=0, samples=60)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A feedback log in which half of the places are random."""
    world, folder = World.make(0, 150, 80), tmp_path_factory.mktemp("log")
    write_feedback(folder, show(world, world.stream(3_000, 5, seed=1), exploration=0.5))
    return folder


def prepared(log: Path, output: Path) -> Path:
    prepare(find_files((str(log),)), PrepareSettings((str(log),), output), UserSample())
    return output


def test_a_repeated_refit_has_the_same_weights(log: Path, tmp_path: Path) -> None:
    data = prepared(log, tmp_path / "data")

    def weights(name: str, seed: int) -> str:
        settings = TrainSettings(
            "rewards", data, tmp_path / name, all_events=True, logs=tmp_path / "logs"
        )
        refit(settings, replace(CONFIG, seed=seed), JUDGED)
        return digest(tmp_path / name)

    once = weights("once", 0)
    # What was published before a crash is no start of what is published after it.
    assert once == weights("once", 0)
    assert once != weights("other", 1)


def test_gradients_repeat_where_threads_share_the_work() -> None:
    network = Network("reinforce", Sizes(80, 150))
    rows, window, places = 512, 10, 8  # More than a thread's share of each sum.
    draw = torch.Generator().manual_seed(0)
    histories = torch.randint(80, (rows, window), generator=draw)
    users = torch.randint(150, (rows,), generator=draw)
    actions = torch.randint(80, (rows, places), generator=draw)

    def gradients() -> list[Tensor | None]:
        network.zero_grad()
        query = network(histories, torch.full((rows,), window), users)
        vectors = rows_of(network.vectors(), actions)
        torch.einsum("nd,nkd->nk", query, vectors).exp().mean().backward()
        return [weight.grad for weight in network.parameters()]

    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        once, *more = [gradients() for _ in range(10)]
    finally:
        torch.set_num_threads(threads)
    for again in more:
        for one, other in zip(once, again, strict=True):
            assert (one is None) == (other is None)
            assert one is None or other is None or torch.equal(one, other)


def test_equal_logs_are_equal_data_sets(log: Path, tmp_path: Path) -> None:
    (file,) = log.glob("*.parquet")
    table = pq.read_table(file)
    # Two lists of a user and a time, as two jobs that write to one folder have them.
    backwards = table["items"].take(pa.array(range(len(table))[::-1]))
    twice = table.set_column(table.schema.get_field_index("items"), "items", backwards)
    for order in ("ab", "ba"):
        (tmp_path / order).mkdir()
        for name, rows in zip(order, (table, twice), strict=True):
            pq.write_table(rows, tmp_path / order / f"{name}.parquet")
    one, two = (prepared(tmp_path / order, tmp_path / f"{order}-data") for order in ("ab", "ba"))
    for name in ("feedback.parquet", "events.parquet"):
        assert pq.read_table(one / name).equals(pq.read_table(two / name))
