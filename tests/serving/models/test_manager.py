"""Models are loaded while the server answers, and one that cannot be loaded is said so."""

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from serving.models.manager import ModelLoader, model_loaders
from tests.serving.in_process import application

WAIT_SECONDS = 60


def test_health_says_that_a_model_is_being_loaded(
    model_dirs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = threading.Event()
    load = ModelLoader.__call__

    def wait_and_load(loader: ModelLoader) -> Any:
        assert begin.wait(WAIT_SECONDS)
        return load(loader)

    monkeypatch.setattr(ModelLoader, "__call__", wait_and_load)
    (tmp_path / "a.db").touch()
    with application(f"sqlite:///{tmp_path}/a.db", model=(str(model_dirs[0]),)) as client:
        answer = client.get("/health")
        assert answer.status_code == 503
        assert (answer.json()["status"], answer.json()["models_loading"]) == ("starting", 1)
        begin.set()
        assert [model["name"] for model in client.get("/models").json()["models"]] == ["reinforce"]
        answer = client.get("/health")
        assert answer.status_code == 200
        assert (answer.json()["status"], answer.json()["models"]) == ("ok", ["reinforce"])


def test_a_model_that_cannot_be_loaded_is_named_and_the_others_rank(
    model_dirs: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "a.db").touch()
    chosen = (str(tmp_path / "nosuch"), str(model_dirs[0]))
    with application(f"sqlite:///{tmp_path}/a.db", model=chosen) as client:
        assert client.post("/reinforce", json={"user": [1], "item": [[7]]}).status_code == 200
        health = client.get("/health").json()
    assert health["status"] == "degraded"
    assert len(health["models_failed"]) == 1
    assert "nosuch" in health["models_failed"][0]


@pytest.mark.parametrize("missing", ["torch", "apache_beam"])
def test_a_web_host_needs_neither_pytorch_nor_beam(missing: str, tmp_path: Path) -> None:
    """Stores are served; a model that needs PyTorch says so in one line."""
    code = f"""
import sys
sys.modules[{missing!r}] = None
from tests.serving.in_process import application
from inference import packaged_model
(open("a.db", "w")).close()
with application("sqlite:///a.db", model=(str(packaged_model()),)) as client:
    client.get("/models")
    print(client.get("/users").status_code, client.get("/health").json()["models_failed"])
"""
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=True, cwd=tmp_path, env={"PYTHONPATH": str(root)},
    )  # fmt: skip
    status, failed = done.stdout.strip().split(" ", 1)
    assert status == "404"
    if missing == "torch":
        assert "PyTorch" in failed or "torch" in failed
        assert "pip install" in failed
    else:
        assert failed == "[]"


def test_loaders() -> None:
    assert model_loaders(["none"]) == []
    assert model_loaders(["a=x:0.9", "y"]) == [
        ("a", ModelLoader(Path("x"), "a")),
        (None, ModelLoader(Path("y"))),
    ]
    with pytest.raises(ValueError, match="same name"):
        model_loaders(["a=x", "a=y"])


@pytest.mark.parametrize("number", [1e308, -1e308, 1e31])
def test_an_embedding_whose_products_overflow_is_422(
    model_dirs: list[Path], tmp_path: Path, number: float
) -> None:
    (tmp_path / "a.db").touch()
    with application(f"sqlite:///{tmp_path}/a.db", model=tuple(map(str, model_dirs))) as client:
        for model in client.get("/models").json()["models"]:
            path, size = f"/{model['name']}/state", model["state_size"]
            given = {"user": [1], "embedding": [[number] * size]}
            assert client.post(path, json=given).status_code == 422
            given = {"user": [1], "embedding": [[1e30] * size], "n_rec": 4}
            answer = client.post(path, json=given)
            assert answer.status_code == 200
            assert len(set(answer.json()["items"][0])) == 4
