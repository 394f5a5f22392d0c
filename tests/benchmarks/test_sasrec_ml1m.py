"""SASRec's protocol on a small file in the format of MovieLens-1M."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.sasrec_ml1m import estimates, load_ratings, main
from training.datasets.sequences import TEST, TRAIN, VALID


def test_the_last_item_is_the_target(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [f"{user}::{(user + at) % 12}::5::{100 + at}" for user in range(20) for at in range(12)]
    path = tmp_path / "ratings.dat"
    path.write_text("".join(f"{line}\n" for line in [*lines, "3::999::5::1"]))
    found = load_ratings(path)
    assert 999 not in found.items.ids
    last = [TRAIN] * 10 + [VALID, TEST]
    assert found.split.reshape(20, 12).tolist() == [last] * 20
    small = ["--dim", "8", "--window", "5", "--epochs", "1"]
    assert main([str(path), *small]) == 0
    said = capsys.readouterr().out
    assert "0.8245" in said
    assert "0.5905" in said


def test_metrics_of_places() -> None:
    found = estimates(np.array([0, 1, 10, 500]), 0)
    assert found["HR@10"].value == 0.5
    assert found["NDCG@10"].value == pytest.approx((1 + 1 / np.log2(3)) / 4)


def test_what_is_no_file_of_ratings_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x").write_text("a,b\n")
    for name in ("x", "absent"):
        with pytest.raises(SystemExit) as left:
            main([str(tmp_path / name)])
        assert left.value.code == 2
        assert "is no ratings.dat of MovieLens-1M" in capsys.readouterr().err
