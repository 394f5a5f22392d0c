"""A model directory loads as the policy that was saved, or is refused with the reason."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from inference.models.directory import load_policy, save_policy
from inference.models.files import ModelError
from inference.models.info import ModelInfo
from inference.policy import Policy
from tests.inference.test_policy import ALGORITHMS, rows_of
from tests.inference.tiny import tiny_ids, tiny_network


def save(directory: Path, algorithm: str = "reinforce") -> Policy:
    network = tiny_network(algorithm)
    info = ModelInfo(algorithm, "", network.sizes, metrics={"ndcg@10": 0.5}, fingerprint="ab")
    written = save_policy(directory, network, *tiny_ids(), info)
    return Policy(network, *tiny_ids(), written)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_is_saved_comes_back(algorithm: str, tmp_path: Path) -> None:
    saved = save(tmp_path / "model", algorithm)
    loaded = load_policy(tmp_path / "model")
    assert loaded.info == saved.info
    assert loaded.info.label == f"{algorithm}-{saved.info.version}"
    assert len(saved.info.version) == 8
    rows = rows_of(saved, 200)
    assert np.array_equal(loaded.rank(*rows, 8).items, saved.rank(*rows, 8).items)
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == [
        "item_embeddings.npy",
        "item_map.json",
        "model.json",
        "model.pt",
        "user_embeddings.npy",
        "user_map.json",
    ]


def test_unknown_ids_have_the_last_row(tmp_path: Path) -> None:
    save(tmp_path)
    assert len(np.load(tmp_path / "item_embeddings.npy")) == 51
    assert max(json.loads((tmp_path / "item_map.json").read_text()).values()) == 49


@pytest.mark.parametrize(
    "name", ["model.pt", "model.json", "item_embeddings.npy", "user_map.json", "item_map.json"]
)
@pytest.mark.parametrize("content", [None, b"", b"rubbish", b"[]", b"{}"])
def test_a_missing_or_broken_file_is_refused(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    save(tmp_path)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=str(tmp_path)):
        load_policy(tmp_path)


def test_a_directory_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no model directory.*training.train"):
        load_policy(tmp_path / "nothing")


def test_a_pickle_with_code_is_not_run(tmp_path: Path) -> None:
    save(tmp_path)
    mark = tmp_path / "ran"

    class Evil:
        def __reduce__(self):  # type: ignore[no-untyped-def]
            return (Path.touch, (mark,))

    torch.save({"bias": Evil()}, tmp_path / "model.pt")
    with pytest.raises(ModelError):
        load_policy(tmp_path)
    assert not mark.exists()


@pytest.mark.parametrize("change", [{"algorithm": "magic"}, {"sizes": {"items": 49, "users": 5}}])
def test_a_model_json_that_does_not_fit_is_refused(
    tmp_path: Path, change: dict[str, object]
) -> None:
    save(tmp_path)
    given = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(given | change))
    with pytest.raises(ModelError, match=str(tmp_path)):
        load_policy(tmp_path)


def test_numbers_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    save(tmp_path)
    table = np.load(tmp_path / "item_embeddings.npy")
    table[3, 3] = np.nan
    np.save(tmp_path / "item_embeddings.npy", table)
    with pytest.raises(ModelError, match="finite"):
        load_policy(tmp_path)
