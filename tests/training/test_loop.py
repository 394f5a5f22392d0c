"""The loop closes: what the job showed and what came of it becomes the model that it shows with."""

import json
from pathlib import Path

import pyarrow.parquet as pq

from pipelines.recommend import main as recommend
from pipelines.simulate import main as simulate
from training.evaluate import main as evaluate
from training.prepare import main as prepare
from training.train import main as train


def test_feedback_becomes_the_current_model(tmp_path: Path) -> None:
    stream, models = tmp_path / "stream.csv", tmp_path / "models"
    small = ["--events=14000", "--users=800", "--rate=20", "--world_seed=0", "--seed=9"]
    assert simulate([*small, "--out_of_orderness=0", f"--output={stream}"]) == 0

    def job(name: str, *more: str) -> set[str]:
        """Policies of the rows that a run of the job showed."""
        log = tmp_path / name
        store = f"--recommendation_sink=sqlite:///{tmp_path / name}.db"
        assert recommend([f"--input={stream}", f"--feedback={log}", store, *more]) == 0
        return set(pq.read_table(log)["policy"].to_pylist())

    assert any(policy.startswith("reinforce-") for policy in job("first"))
    data = tmp_path / "data"
    assert prepare(["--input", str(tmp_path / "first"), "--output", str(data)]) == 0
    command = ["--algorithm", "reinforce", "--data", str(data), "--output", str(models / "v2")]
    quick = ["--pretrain_epochs", "1", "--epochs", "1", "--learn_from", "lists"]
    assert train([*command, *quick, "--version", "v2", "--current"]) == 0
    info = json.loads((models / "v2" / "model.json").read_text())
    assert info["training"]["lists"] > 500
    assert info["metrics"]["reward"] > 0
    assert "reinforce-v2" in job("second", f"--model={models}")
    scores = tmp_path / "scores.json"
    asked = ["--data", str(data), "--model", str(models), "--json", str(scores)]
    assert evaluate([*asked, "--baselines", "popular"]) == 0
    assert "reinforce-v2" in {each["name"] for each in json.loads(scores.read_text())}
