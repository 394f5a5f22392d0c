"""Models whose ids are text: maps with texts, lists with names, and refusals of other kinds."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from inference.models.directory import load_policy, save_policy
from inference.models.files import ModelError
from inference.models.ids import IdMap
from inference.models.info import INFO, ModelInfo
from inference.models.registry import RegistrySource
from inference.policy import Policy
from pipelines.graph.models import min_history_of, model_source
from pipelines.options import ModelSettings, RecommendSettings
from tests.inference.tiny import tiny_ids, tiny_network
from transforms.columns.names import Names, hash_texts
from transforms.messages.id_kinds import INTEGERS, IdKinds
from transforms.messages.ranked_lists import RankedLists

TEXT = IdKinds("text", "text")


def as_texts(ids: IdMap, prefix: str) -> IdMap:
    names = Names.of(f"{prefix} {number}é" for number in ids.ids.tolist())
    texts = pa.array([f"{prefix} {number}é" for number in ids.ids.tolist()])
    return IdMap(hash_texts(texts), names)


def save(folder: Path) -> tuple[IdMap, IdMap]:
    network = tiny_network()
    items, users = (
        as_texts(ids, name) for ids, name in zip(tiny_ids(), ("item", "user"), strict=True)
    )
    save_policy(folder, network, items, users, ModelInfo("reinforce", "1", network.sizes))
    return items, users


def texts_of(lists: RankedLists) -> list[list[str]]:
    assert lists.names is not None
    assert lists.names.item is not None
    return [
        lists.names.item.texts(row[:n]).to_pylist()
        for row, n in zip(lists.items, lists.length.tolist(), strict=True)
    ]


def test_a_model_of_texts_gives_the_lists_of_one_of_integers_renamed(tmp_path: Path) -> None:
    items, users = save(tmp_path)
    info = json.loads((tmp_path / INFO).read_text())
    assert (info["user_ids"], info["item_ids"]) == ("text", "text")
    assert next(iter(json.loads((tmp_path / "user_map.json").read_text()))).startswith("user 1")
    policy = load_policy(tmp_path)
    network = tiny_network()
    plain = Policy(network, *tiny_ids(), ModelInfo("reinforce", "1", network.sizes))
    rows = np.random.default_rng(1).integers(0, 50, (20, 4))
    lengths = np.arange(20) % 5
    of_text = policy.rank(users.ids[np.arange(20) % 5], items.ids[rows], lengths, 8)
    of_plain = plain.rank(
        plain.user_ids.ids[np.arange(20) % 5], plain.item_ids.ids[rows], lengths, 8
    )
    assert texts_of(of_text) == [
        [f"item {number}é" for number in row[:n]]
        for row, n in zip(of_plain.items.tolist(), of_plain.length.tolist(), strict=True)
    ]
    assert len(of_text.names.item) <= 50


def test_models_of_other_kinds_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "text")
    network = tiny_network()
    info = ModelInfo("reinforce", "1", network.sizes)
    save_policy(tmp_path / "integer", network, *tiny_ids(), info)
    assert "user_ids" not in json.loads((tmp_path / "integer" / INFO).read_text())
    model_source(ModelSettings((str(tmp_path / "text"),)), ids=TEXT)
    for name, ids in (("text", INTEGERS), ("integer", TEXT), ("text", IdKinds("integer", "text"))):
        with pytest.raises(ModelError, match="was trained on other ids: its users are") as error:
            model_source(ModelSettings((str(tmp_path / name),)), ids=ids)
        assert "\n" not in str(error.value)


def test_without_a_model_text_gets_popular_items() -> None:
    assert not isinstance(model_source(ModelSettings(), ids=TEXT), RegistrySource)
    assert isinstance(model_source(ModelSettings(), ids=INTEGERS), RegistrySource)
    assert min_history_of(RecommendSettings(), ModelSettings(), TEXT) == 10
