import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from inference.models.directory import save_policy
from inference.models.info import ModelInfo
from tests.inference.tiny import tiny_ids, tiny_network
from tests.serving.running import serving
from tests.serving.tables import fill, sample


def save_tiny(directory: Path, algorithm: str = "reinforce") -> Path:
    network = tiny_network(algorithm)
    save_policy(directory, network, *tiny_ids(), ModelInfo(algorithm, "1", network.sizes))
    return directory


@pytest.fixture(scope="session")
def model_dirs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("models")
    return [save_tiny(folder / name, name) for name in ("reinforce", "ddpg", "bcq")]


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory, model_dirs: list[Path]) -> Iterator[str]:
    """A server over a filled SQLite store, with three small models."""
    folder = tmp_path_factory.mktemp("serving")
    fill(f"sqlite:///{folder}/rivulet.db", sample())
    (folder / "rivulet-dead-letters.jsonl").write_text(
        '{"source": "clicks.csv", "reason": "malformed", "raw": "<b>x</b>,y", "time": 5}\n'
        '{"source": "clicks.csv", "reason": "late", "raw": "1,2,3", "time": 6}\n'
        "not json\n"
        '{"source": "clicks.csv", "reason": "malformed", "raw": "a,,", "time": 7}\n'
        '{"source": "half a li'
    )
    (folder / "CURRENT").write_text(
        '{"stages": [{"since": 60, "shares": {"v1": 0.9, "v2": 0.1}, "salt": "v2"}]}'
    )
    decisions = [
        {"action": "promote", "version": "v1", "reason": "<b>by hand</b>", "time": 0},
        {"action": "canary", "version": "v1", "candidate": "v2", "time": 60,
         "figures": {"difference": {"value": 0.5, "low": 0.25, "high": 0.75}}},
    ]  # fmt: skip
    lines = [json.dumps(decision) + "\n" for decision in decisions]
    (folder / "decisions.jsonl").write_text("not json\n".join(lines))
    models = [f"--model={directory}" for directory in model_dirs]
    models.append("--decisions=decisions.jsonl")
    with serving(folder, *models) as address:
        yield address


@pytest.fixture
def client(server: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server, timeout=30) as made:
        yield made
