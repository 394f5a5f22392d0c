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
    models = [f"--model={directory}" for directory in model_dirs]
    with serving(folder, *models) as address:
        yield address


@pytest.fixture
def client(server: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server, timeout=30) as made:
        yield made
