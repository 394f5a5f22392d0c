"""The end of decisions.jsonl: what is broken is left out, and files are found by the models."""

import json
from pathlib import Path

import pytest

from serving.decisions import decisions_file, last_decisions
from serving.schemas.loop import Decisions


def test_the_file_is_that_of_a_folder_of_models(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    models = [f"one={tmp_path / 'a'}", f"two={tmp_path / 'b'}", str(tmp_path / "none")]
    assert decisions_file(None, models) is None
    (tmp_path / "b" / "decisions.jsonl").write_text("")
    assert decisions_file(None, models) == tmp_path / "b" / "decisions.jsonl"
    assert decisions_file(tmp_path / "other", models) == tmp_path / "other"
    assert (
        last_decisions(None, 5) == last_decisions(tmp_path / "none", 5) == Decisions(False, [], [])
    )


@pytest.mark.hostile
def test_broken_lines_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    strange = [
        b"[1]", b"\xff", b"{}", b'{"time": "x", "figures": 3, "reason": ["' + b"x" * 999 + b'"]}',
        b'{"figures": {"difference": {"value": NaN}}}',
        json.dumps({"figures": {"difference": {"value": None, "low": 1, "high": 2}}}).encode(),
        b'{"action": "half a li',
    ]  # fmt: skip
    path.write_bytes(b"\n".join(strange))
    (tmp_path / "CURRENT").write_text("{")
    found = last_decisions(path, 50)
    assert (found.present, found.arms) == (True, [])
    assert [each.difference for each in found.decisions] == [None] * 3
    assert max(len(each.reason) for each in found.decisions) <= 301
    # Only the end of a long file is read.
    path.write_bytes(b'{"action": "keep"}\n' * 100_000)
    assert len(last_decisions(path, 500).decisions) == 500
