"""Model directories that are broken, half saved or hostile: none is ever ranked with.

Each is refused with one line when a job starts, and when it is named while a job runs: then the
version before stays in use.
"""

import dataclasses
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference.models.choices import ModelChoice
from inference.models.directory import FILES, load_policy
from inference.models.files import ModelError
from inference.models.info import INFO, read_info, write_info
from inference.models.versions import LOOK_EVERY, VersionedModel
from tests.hostile.spoiled_models import BROKEN, not_a_number, save, sign
from tests.inference.models.test_registry import Clock
from tests.inference.models.test_versions import save_other

pytestmark = pytest.mark.hostile


@pytest.mark.parametrize("spoil", BROKEN, ids=lambda spoil: spoil.__name__)
def test_a_broken_model_is_refused_in_one_line_and_never_goes_live(
    spoil: Callable[[Path], None], tmp_path: Path
) -> None:
    folder = tmp_path / "models"
    save(folder / "v1")
    (folder / "CURRENT").write_text("v1")
    clock = Clock()
    model = VersionedModel(ModelChoice(folder), clock=clock)
    users, histories = np.array([100, 5]), np.full((2, 10), 7)
    before = model.policy().rank(users, histories, np.array([10, 3]), 8)

    save(folder / "v2", "bad")
    spoil(folder / "v2")
    with pytest.raises(ModelError, match=BROKEN[spoil]) as raised:
        load_policy(folder / "v2")
    assert "\n" not in str(raised.value)
    assert "v2" in str(raised.value)

    (folder / "CURRENT").write_text("v2")
    for _ in range(3):
        clock.now += LOOK_EVERY
        after = model.policy().rank(users, histories, np.array([10, 3]), 8)
        assert after.policy.tolist() == [b"reinforce-good"] * 2
        assert after.items.tolist() == before.items.tolist()
    assert model.refused == 1


def test_the_job_that_is_started_with_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.recommend import main

    monkeypatch.chdir(tmp_path)
    save(tmp_path / "model")
    not_a_number(tmp_path / "model")
    with pytest.raises(SystemExit) as ended:
        main([f"--model={tmp_path}/model"])
    assert ended.value.code == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert "not finite" in lines[0]
    assert not (tmp_path / "rivulet.db").exists()


SAVE = """
import os, sys
from pathlib import Path
from tests.inference.models.test_versions import save_other

renames, rename = int(sys.argv[2]), Path.replace

def replace(path, target):
    global renames
    if renames == 0:
        os._exit(9)
    renames -= 1
    return rename(path, target)

Path.replace = replace
save_other(Path(sys.argv[1]), "new")
"""


@pytest.mark.slow
@pytest.mark.parametrize("renames", range(7))
def test_a_save_that_is_killed_leaves_the_old_model_or_none(renames: int, tmp_path: Path) -> None:
    save(tmp_path)
    command = [sys.executable, "-c", SAVE, str(tmp_path), str(renames)]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        command, cwd=root, env=os.environ | {"PYTHONPATH": str(root)}, check=False
    )
    assert done.returncode == (0 if renames == 6 else 9)
    if renames in (0, 6):
        assert load_policy(tmp_path).info.version == ("new" if renames else "good")
        return
    with pytest.raises(ModelError, match="a save or a copy was interrupted"):
        load_policy(tmp_path)
    save(tmp_path)
    assert load_policy(tmp_path).info.version == "good"


@pytest.mark.parametrize("kept", range(1, 5))
def test_a_model_without_digests_is_removed_before_a_save(
    kept: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mixture with a model.json that names no digests could not be recognised."""
    save(tmp_path)
    write_info(tmp_path, dataclasses.replace(read_info(tmp_path), files={}))
    assert load_policy(tmp_path).info.files == {}
    rename, left = Path.replace, [kept]

    def replace(path: Path, target: Path) -> Path:
        left[0] -= 1
        if left[0] < 0:
            raise OSError("killed")
        return rename(path, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(OSError, match="killed"):
        save_other(tmp_path)
    with pytest.raises(ModelError, match="no model directory"):
        load_policy(tmp_path)


MUTATIONS = st.lists(
    st.tuples(
        st.sampled_from([INFO, *FILES]),
        st.floats(0, 1, exclude_max=True),
        st.one_of(st.binary(min_size=1, max_size=8), st.just(b"9" * 40), st.just(b"[" * 5000)),
        st.sampled_from(["overwrite", "insert", "cut"]),
    ),
    min_size=1,
    max_size=4,
)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("fuzz") / "good"
    save(directory)
    return directory


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(MUTATIONS)
def test_changed_bytes_are_refused_or_rank(
    good: Path, mutations: list[tuple[str, float, bytes, str]]
) -> None:
    """Whatever the bytes are: a ModelError, or a policy that passes the canary ranking."""
    directory = good.with_name("changed")
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(good, directory)
    for name, share, content, how in mutations:
        before = (directory / name).read_bytes()
        at = int(share * len(before))
        rest = {"overwrite": at + len(content), "insert": at, "cut": len(before)}[how]
        (directory / name).write_bytes(before[:at] + content + before[rest:])
    try:
        sign(directory)
    except ModelError:
        assert INFO in {name for name, *_ in mutations}
    message = ""
    try:
        load_policy(directory)
    except ModelError as error:
        message = str(error)
    assert "\n" not in message
