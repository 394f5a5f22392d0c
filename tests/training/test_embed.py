import json
import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from inference.models.ids import IdMap
from training.algorithms.embed_options import EmbedOptions
from training.algorithms.embedding import embed
from training.algorithms.two_towers import Tower, sampled_softmax_loss
from training.datasets.raw_files import COLUMNS
from training.datasets.side_features import SideFeatures, load_side_features
from training.embed import main


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Two tastes: users and items of one parity go together; categories tell the parity."""
    folder = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(3)
    users = np.repeat(np.arange(60), 40)
    items = random.integers(0, 30, len(users)) * 2 + users % 2
    columns = {name: np.full(len(users), -1) for name in COLUMNS}
    columns |= {"user": users + 100, "item": items + 1000, "category": items % 2 + 5}
    columns["time"] = np.arange(len(users))
    table = pa.table({**columns, "label": ["pv"] * len(users)})
    pq.write_table(table.select(COLUMNS), folder / "events.parquet")
    return folder


def test_loss_by_hand():
    # Scores 2 0 / 0 2 at temperature 1/2. One negative a pair: it stands for 1 / Q items.
    log_q = torch.tensor([0.75, 0.25]).log()
    users, items = torch.eye(2), torch.eye(2)
    got = sampled_softmax_loss(users, items, torch.tensor([0, 1]), log_q, 0.5)
    first = math.exp(2) / (math.exp(2) + 1 / 0.25)
    second = math.exp(2) / (math.exp(2) + 1 / 0.75)
    assert float(got) == pytest.approx(-(math.log(first) + math.log(second)) / 2)


def test_an_item_is_no_negative_of_itself():
    rows = torch.tensor([4, 4])
    got = sampled_softmax_loss(torch.eye(2), torch.eye(2), rows, torch.zeros(2), 1.0)
    assert float(got) == 0


def test_log_q_makes_the_batchs_softmax_that_of_all_items():
    # The corrected batch gradient, on average over batches, is the full softmax's: popular and
    # rare items with equal vectors must end with equal scores.
    generator = torch.Generator().manual_seed(0)
    chance = torch.tensor([0.7, 0.2, 0.1])
    scores = torch.zeros(3, requires_grad=True)
    draws = torch.multinomial(chance, 30_000, replacement=True, generator=generator)
    users = torch.ones(len(draws), 1)
    sums = torch.zeros(3)
    for batch in draws.split(500):
        loss = sampled_softmax_loss(
            users[: len(batch)], scores[batch][:, None], batch, chance[batch].log(), 1.0
        )
        sums += torch.autograd.grad(loss, scores)[0]
    # d/ds_j of -log softmax: pi_j - p_j, with pi uniform where all scores are 0.
    assert torch.allclose(sums / 60, 1 / 3 - chance, atol=0.02)


def test_side_features_are_codes_with_0_for_unknown(tmp_path):
    columns = {name: [-1, -1, -1] for name in COLUMNS}
    columns |= {"user": [1, 1, 2], "item": [7, 8, 9], "label": ["pv"] * 3, "sex": [1, 1, 0]}
    columns["brand"] = [50, -1, 40]
    pq.write_table(pa.table(columns), tmp_path / "events.parquet")
    users, items = load_side_features(tmp_path, IdMap(np.array([1, 2])), IdMap(np.array([8, 7, 9])))
    assert users.codes.tolist() == [[2, 0, 0], [1, 0, 0], [0, 0, 0]]
    assert users.sizes == (3, 1, 1)
    assert items.codes[:, 2].tolist() == [0, 2, 1, 0]


def test_a_tower_uses_the_side_features():
    codes = np.array([[1], [1], [2], [0]])
    tower = Tower(SideFeatures(codes, (3,)), dim=8, dropout=0.0)
    with torch.no_grad():
        tower.ids.weight.zero_()
        vectors = tower(torch.arange(4))
    assert torch.equal(vectors[0], vectors[1])
    assert not torch.allclose(vectors[0], vectors[2])
    assert torch.allclose(vectors.norm(dim=1), torch.ones(4))


def test_users_lie_near_the_items_of_their_taste(data, tmp_path):
    arguments = ["--data", str(data), "--output", str(tmp_path), "--dim", "8", "--epochs", "8"]
    assert main([*arguments, "--batch", "128"]) == 0
    users = np.load(tmp_path / "user_embeddings.npy")
    items = np.load(tmp_path / "item_embeddings.npy")
    user_map = json.loads((tmp_path / "user_map.json").read_text())
    item_map = json.loads((tmp_path / "item_map.json").read_text())
    # The last row is that of unknown ids.
    assert users.shape == (len(user_map) + 1, 8) == (61, 8)
    assert items.shape == (len(item_map) + 1, 8)
    assert users.dtype == items.dtype == np.float32
    assert sorted(item_map.values()) == list(range(len(item_map)))
    users = users[[user_map[str(user)] for user in range(100, 160)]]
    own = np.array([int(item) % 2 for item in item_map])[None] == (np.arange(60) % 2)[:, None]
    scores = users @ items[:-1].T
    assert scores[own].mean() > scores[~own].mean() + 0.5


def test_equal_seeds_give_equal_embeddings(data):
    from training.datasets.loading import load_sequences

    sequences = load_sequences(data)
    one, two, other = (
        embed(data, sequences, EmbedOptions(dim=4, epochs=1, seed=seed)).items for seed in (1, 1, 2)
    )
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "nowhere"), "training.prepare"),
        (("--rate", "0"), "--rate"),
        (("--id_dropout", "2"), "from 0 to 1"),
        (("--device", "toaster"), "is no device"),
    ],
)
def test_a_bad_option_is_one_line(data, tmp_path, capsys, arguments, message):
    given = () if "--data" in arguments else ("--data", str(data))
    with pytest.raises(SystemExit) as left:
        main([*given, "--output", str(tmp_path / "model"), *arguments])
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
