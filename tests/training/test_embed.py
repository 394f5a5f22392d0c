import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from training.algorithms.embed_options import EmbedOptions
from training.algorithms.embedding import embed
from training.datasets.raw_files import COLUMNS
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


def test_the_embeddings_of_a_trained_model_are_not_replaced(data, tmp_path, capsys):
    (tmp_path / "model.json").write_text("{}")
    with pytest.raises(SystemExit) as left:
        main(["--data", str(data), "--output", str(tmp_path)])
    assert left.value.code == 2
    assert "--embeddings" in capsys.readouterr().err
    assert not (tmp_path / "item_embeddings.npy").exists()
