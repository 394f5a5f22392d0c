"""The loop: from the feedback log of a job to the model that the job ranks by."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.recommend import main as recommend
from pipelines.simulate import main as simulate
from training.datasets.loading import load_sequences
from training.datasets.sequences import TEST, VALID, Sequences
from training.datasets.shown_lists import load_lists
from training.evaluate import main as evaluate
from training.prepare import main as prepare
from training.train import main as train


def test_feedback_becomes_the_current_model(tmp_path: Path) -> None:
    stream, models = tmp_path / "stream.csv", tmp_path / "models"
    small = ["--events=14000", "--users=800", "--rate=20", "--world_seed=0", "--seed=9"]
    assert simulate([*small, "--out_of_orderness=0", f"--output={stream}"]) == 0

    def job(name: str, *more: str) -> set[str]:
        """Policies of the recommendations of a run of the job."""
        log = tmp_path / name
        store = f"--recommendation_sink=sqlite:///{tmp_path / name}.db"
        window = "--reward_window=20"  # A longer one reaches into the next split for most lists.
        assert recommend([f"--input={stream}", f"--feedback={log}", store, window, *more]) == 0
        return set(pq.read_table(log)["policy"].to_pylist())

    assert any(policy.startswith("reinforce-") for policy in job("first"))
    data = tmp_path / "data"
    assert prepare(["--input", str(tmp_path / "first"), "--output", str(data)]) == 0
    command = ["--algorithm", "reinforce", "--data", str(data), "--output", str(models / "v2")]
    quick = ["--pretrain_epochs", "1", "--epochs", "1", "--learn_from", "lists"]
    named = ["--name", "reinforce", "--version", "v2", "--current"]
    assert train([*command, *quick, *named]) == 0
    info = json.loads((models / "v2" / "model.json").read_text())
    assert info["training"]["lists"] > 500
    assert "reward" in info["metrics"]  # There are lists to validate on.
    assert "reinforce-v2" in job("second", f"--model={models}")
    scores = tmp_path / "scores.json"
    asked = ["--data", str(data), "--model", str(models), "--json", str(scores)]
    assert evaluate([*asked, "--baselines", "popular"]) == 0
    assert any(each["name"].endswith("reinforce-v2") for each in json.loads(scores.read_text()))


def test_a_reward_window_other_than_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    stream, log, data = tmp_path / "stream.csv", tmp_path / "log", tmp_path / "data"
    small = ["--events=6000", "--users=100", "--rate=2", "--world_seed=0", "--seed=9"]
    assert simulate([*small, "--out_of_orderness=0", f"--output={stream}"]) == 0
    store = f"--recommendation_sink=sqlite:///{tmp_path / 'a.db'}"
    job = [f"--input={stream}", f"--feedback={log}", "--reward_window=300", store]
    assert recommend([*job, "--model=none"]) == 0
    inputs = ["--input", str(stream), str(log), "--output", str(data)]
    assert prepare(inputs) == 0
    sequences = load_sequences(data)
    lists = load_lists(data, sequences)
    kept = sum(int((each.rewards > 0).sum()) for each in lists)
    assert kept > 0
    for window in (300, 600):
        assert (kept == count_rewards(data, sequences, window)) == (window == 300)


def count_rewards(data: Path, sequences: Sequences, window: int) -> int:
    """Rewarded places of lists whose reward window ends before the user's next split."""
    begins: dict[int, dict[int, int]] = {}
    columns = (sequences.user, sequences.time, sequences.split)
    for row, time, split in zip(*(each.tolist() for each in columns), strict=True):
        begins.setdefault(int(sequences.users.ids[row]), {}).setdefault(split, time)
    known = set(sequences.items.ids.tolist())
    rewarded = 0
    for each in pq.read_table(data / "feedback.parquet").to_pylist():
        own = begins[each["user"]]
        later = [own[split] for split in (VALID, TEST) if split in own]
        ends = [begin for begin in later if begin >= each["time"]]
        if (ends or not later) and each["time"] + window <= min(ends, default=1 << 60):
            gains = zip(each["items"], each["rewards"], strict=True)
            rewarded += sum(reward > 0 and item in known for item, reward in gains)
    return rewarded
