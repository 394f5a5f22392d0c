"""Decisions: carried out once, whatever step a crash interrupts; promotion and rollback by hand."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from inference.models import files
from inference.models.directory import save_policy
from inference.models.ids import IdMap
from inference.models.info import ModelInfo
from inference.network.network import Network
from inference.network.sizes import Sizes
from tests.refused import assert_refused
from training.models import main
from training.promotion import decisions
from training.promotion.decisions import (
    DECISIONS,
    PENDING,
    Decision,
    PromotionError,
    decide,
    in_use,
    locked,
    read_decisions,
    recover,
)


def save_version(folder: Path, name: str) -> None:
    sizes = Sizes(items=20, users=3, item_dim=4, user_dim=2)
    ids = IdMap(np.arange(1, 21)), IdMap(np.arange(1, 4))
    info = ModelInfo("reinforce", name, sizes)
    save_policy(folder / name, Network("reinforce", sizes), *ids, info)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    for name in ("v1", "v2", "v3"):
        save_version(tmp_path, name)
    (tmp_path / "CURRENT").write_text("v1\n")
    return tmp_path


PROMOTION = Decision("round-1", "promote", "v2", "v1", "better", candidate="v2", time=5)


class CrashError(Exception):
    """A crash."""


@pytest.mark.parametrize("survived", range(5))
def test_a_decision_is_carried_out_once_whatever_step_a_crash_interrupts(
    models: Path, monkeypatch: pytest.MonkeyPatch, survived: int
) -> None:
    """Steps: the pending file, CURRENT, the line, the removal of the pending file."""
    done = 0

    def step() -> None:
        nonlocal done
        if done == survived:
            raise CrashError
        done += 1

    written, unlink = files.replace_files, Path.unlink
    with monkeypatch.context() as patched:
        patched.setattr(decisions, "replace_files", lambda *given: (step(), written(*given))[1])

        def removing(path: Path, missing_ok: bool = False) -> None:
            if path.name == PENDING:
                step()
            unlink(path, missing_ok)

        patched.setattr(Path, "unlink", removing)
        try:
            decide(models, PROMOTION)
        except CrashError:
            assert survived < 4
        else:
            assert survived == 4
    recover(models)
    if survived == 0:
        # Nothing was decided yet: the round is repeated.
        assert read_decisions(models) == []
        decide(models, PROMOTION)
    assert in_use(models) == "v2"
    assert read_decisions(models) == [PROMOTION]
    assert not (models / PENDING).exists()
    recover(models)
    assert read_decisions(models) == [PROMOTION]


def test_promotion_and_rollback_by_hand(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = ["--models", str(models)]
    assert main(["promote", *folder, "--version", "v2"]) == 0
    assert main(["promote", *folder, "--version", "v3"]) == 0
    assert in_use(models) == "v3"
    assert main(["rollback", *folder]) == 0
    assert in_use(models) == "v2"
    # The rollback is a decision too: the version before it was v3.
    assert main(["rollback", *folder, "--version", "v1"]) == 0
    assert in_use(models) == "v1"
    found = [(each.action, each.version, each.before) for each in read_decisions(models)]
    assert found == [
        ("promote", "v2", "v1"),
        ("promote", "v3", "v2"),
        ("rollback", "v2", "v3"),
        ("rollback", "v1", "v2"),
    ]
    capsys.readouterr()
    out = tmp_path / "out" / "list.json"
    assert main(["list", *folder, "--json", str(out)]) == 0
    said = capsys.readouterr().out
    assert "| v1 | reinforce-v1 | yes | rollback: by hand |" in said
    rows = json.loads(out.read_text())
    assert [(row["version"], row["in_use"]) for row in rows] == [
        ("v1", True), ("v2", False), ("v3", False)
    ]  # fmt: skip


@pytest.mark.hostile
def test_what_is_wrong_is_one_line(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (models / "broken").mkdir()
    (models / "broken" / "model.json").write_text("{}")
    (tmp_path / "empty").mkdir()
    folder = ["--models", str(models)]
    wrong = [
        (["promote", *folder], "needs a --version"),
        (["list", *folder, "--version", "v1"], "promote and rollback"),
        (["promote", *folder, "--version", "v1"], "in use already"),
        (["promote", *folder, "--version", "../v1"], "no name of a version"),
        (["promote", *folder, "--version", "none"], "no model directory"),
        (["promote", *folder, "--version", "broken"], "broken"),
        (["rollback", *folder], "name one with --version"),
        (["list", "--models", str(tmp_path / "empty")], "no versions"),
    ]
    assert_refused(main, capsys, wrong)
    assert in_use(models) == "v1"
    (models / DECISIONS).write_text('{"id": 1}\n')
    with pytest.raises(PromotionError, match="no decision"):
        read_decisions(models)


def line_of(**values: object) -> bytes:
    return json.dumps({**asdict(PROMOTION), **values}).encode()


DAMAGED = [
    b"[]",
    b"5",
    b"\xff",
    b"{",
    b"[" * 100_000,
    b'{"id": 1}',
    line_of(figures={})[:-1] + b', "figures": ' + b'{"x": ' * 5_000 + b"1" + b"}" * 5_001,
    line_of(id=[1]),
    line_of(time="5"),
    line_of(time=True),
    line_of(figures=[]),
    line_of(other=1),
    line_of(reason="\udc80"),
    line_of(version="../../etc"),
    line_of(version="v2\n/etc"),
    line_of(version='{"stages": []}'),
    line_of(before="/etc"),
    line_of(candidate=".."),
    line_of(current="../../etc"),
    line_of(current='{"stages": []}'),
    line_of(current='{"stages": [{"since": 0, "shares": {"../../etc": 1}}]}'),
]


@pytest.mark.hostile
@pytest.mark.parametrize("damaged", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_decision_changes_nothing_and_is_named(tmp_path: Path, damaged: bytes) -> None:
    (tmp_path / "CURRENT").write_text("v1\n")
    good = line_of(figures={"share": 0.5})
    (tmp_path / DECISIONS).write_bytes(good + b"\n\n" + damaged + b"\n" + good)
    with pytest.raises(PromotionError, match="line 3 is no decision") as raised:
        read_decisions(tmp_path)
    assert len(str(raised.value)) < 600
    (tmp_path / DECISIONS).unlink()
    (tmp_path / PENDING).write_bytes(damaged)
    with pytest.raises(PromotionError, match=r"decision\.json is no decision"):
        recover(tmp_path)
    assert (tmp_path / "CURRENT").read_text() == "v1\n"
    assert not (tmp_path / DECISIONS).exists()


def test_one_process_decides_at_a_time(models: Path) -> None:
    with (
        locked(models),
        pytest.raises(PromotionError, match="another process"),
        locked(models),
    ):
        pass
