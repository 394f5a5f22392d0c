"""CURRENT with several versions: who ranks depends on the user and the event time alone."""

import json
from pathlib import Path

import numpy as np
import pytest

from inference.models.choices import ModelChoice
from inference.models.current import current_directory
from inference.models.files import ModelError
from inference.models.registry import Registry, RegistrySource
from inference.models.stages import GRID, Stage, parse_current, stage_of, to_text
from inference.models.versions import LOOK_EVERY
from tests.inference.models.test_registry import Clock, save

STAGES = (
    Stage(0, (("v1", 1.0),)),
    Stage(600, (("v1", 0.75), ("v2", 0.25)), "v2"),
    Stage(1200, (("v1", 0.25), ("v2", 0.75)), "v2"),
)


def test_they_come_back_and_a_name_alone_is_one_stage() -> None:
    assert parse_current(to_text(STAGES), Path("CURRENT")) == STAGES
    assert parse_current("v7", Path("CURRENT")) == (Stage(0, (("v7", 1.0),)),)
    times = np.array([0, 599, 600, 1199, 1200, 9999])
    assert stage_of(STAGES, times).tolist() == [0, 0, 1, 1, 2, 2]
    assert stage_of(STAGES[1:], times).tolist() == [0, 0, 0, 0, 1, 1]


def test_shares_are_as_large_as_they_say_and_grow_with_their_users() -> None:
    users = np.arange(20_000)
    before, after = (stage.version_of(users) for stage in STAGES[1:])
    assert before.mean() == pytest.approx(0.25, abs=0.02)
    assert after.mean() == pytest.approx(0.75, abs=0.02)
    assert (after[before == 1] == 1).all()
    other = Stage(600, STAGES[1].shares, "another experiment").version_of(users)
    assert (other * before).mean() == pytest.approx(0.25**2, abs=0.02)


@pytest.mark.parametrize(
    "rows",
    [
        [], [{"since": 1, "shares": {"v1": 1}}], [{"since": 0, "shares": {}}],
        [{"since": 0, "shares": {"v1": 0.4}}], [{"since": 0, "shares": {"../v1": 1}}],
        [{"since": 60, "shares": {"v1": 1}}, {"since": 0, "shares": {"v1": 1}}],
        [{"since": 0, "shares": {"v1": -1, "v2": 2}}], [{"since": 0}], "v1", 7,
        [{"since": 0, "shares": {"v1": float("nan")}}],
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused(tmp_path: Path, rows: object) -> None:
    (tmp_path / "CURRENT").write_text(json.dumps({"stages": rows}))
    with pytest.raises(ModelError, match="CURRENT"):
        current_directory(tmp_path)


def test_a_registry_ranks_by_stage(tmp_path: Path) -> None:
    for version in ("v1", "v2"):
        save(tmp_path / version, version)
    (tmp_path / "CURRENT").write_text("v1")
    clock = Clock()
    registry = Registry([ModelChoice(tmp_path)], clock=clock)
    users = np.arange(300)
    histories, lengths = np.full((300, 10), 7), np.full(300, 10)

    def labels(times: np.ndarray | None) -> list[bytes]:
        found = registry.rank(users, histories, lengths, 3, times=times)
        labelled: list[bytes] = found.policy.tolist()
        return labelled

    assert set(labels(np.full(300, 700))) == {b"reinforce-v1"}
    (tmp_path / "CURRENT").write_text(to_text(STAGES))
    clock.now += LOOK_EVERY
    times = np.array([540, 660, 1260])[users % 3]
    version = np.choose(
        users % 3, [0 * users, STAGES[1].version_of(users), STAGES[2].version_of(users)]
    )
    wanted = [b"reinforce-v%d" % (1 + number) for number in version.tolist()]
    assert labels(times) == wanted
    assert len(set(wanted[1::3])) == 2
    assert set(labels(None)) == {b"reinforce-v2"}  # The largest share of the last stage.
    # A stage with a version that is not there is refused as a whole.
    (tmp_path / "CURRENT").write_text(to_text((Stage(0, (("v3", 1.0),)),)))
    clock.now += LOOK_EVERY
    assert labels(times) == wanted
    assert registry.refused == 1
    assert RegistrySource((ModelChoice(tmp_path),)).by_time
    assert not RegistrySource((ModelChoice(tmp_path / "v1"),)).by_time
    assert 660 % GRID == 0
