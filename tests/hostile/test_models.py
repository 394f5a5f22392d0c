"""Model directories that are broken, half saved or hostile: none is ever ranked with.

Each is refused with one line when a job starts, and when it is named while a job runs: then the
version before stays in use.
"""

import dataclasses
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference.models.choices import ModelChoice
from inference.models.directory import FILES, load_policy, save_policy
from inference.models.files import ModelError
from inference.models.info import INFO, ModelInfo, read_info, write_info
from inference.models.versions import LOOK_EVERY, VersionedModel
from tests.inference.models.test_registry import Clock
from tests.inference.models.test_versions import save_other
from tests.inference.tiny import tiny_ids, tiny_network

pytestmark = pytest.mark.hostile


def save(directory: Path, version: str = "good") -> None:
    network = tiny_network(repeats=True)
    save_policy(directory, network, *tiny_ids(), ModelInfo("reinforce", version, network.sizes))


def sign(directory: Path) -> None:
    """Makes model.json name the files as they are, as somebody would who means harm."""
    files = {name: hashlib.sha256((directory / name).read_bytes()).hexdigest() for name in FILES}
    write_info(directory, dataclasses.replace(read_info(directory), files=files))


def change_state(directory: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    state = torch.load(directory / "model.pt", weights_only=True)
    change(state)
    torch.save(state, directory / "model.pt")
    sign(directory)


def change_sizes(directory: Path, **sizes: int) -> None:
    given = json.loads((directory / INFO).read_bytes())
    given["sizes"] |= sizes
    given["history"] = given["sizes"]["window"]
    (directory / INFO).write_text(json.dumps(given))


def not_a_number(directory: Path) -> None:
    change_state(directory, lambda state: state["bias"].fill_(float("nan")))


def infinite_head(directory: Path) -> None:
    change_state(directory, lambda state: state["head.linear.weight"].fill_(float("inf")))


def double_overflow(directory: Path) -> None:
    change_state(
        directory, lambda state: state.update(bias=torch.full((51,), 1e300, dtype=torch.float64))
    )


def not_a_number_in_a_table(directory: Path) -> None:
    table = np.load(directory / "item_embeddings.npy")
    table[:] = np.nan
    np.save(directory / "item_embeddings.npy", table)
    sign(directory)


def endless_tensor(directory: Path) -> None:
    change_state(directory, lambda state: state.update(bias=torch.zeros(1).expand(1 << 50)))


def zip_bomb(directory: Path) -> None:
    stored = zipfile.ZipFile(io.BytesIO((directory / "model.pt").read_bytes()))
    with zipfile.ZipFile(directory / "model.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in stored.namelist():
            archive.writestr(name, stored.read(name))
        archive.writestr("model/data/99", bytes(1 << 26))
    sign(directory)


def huge_sizes(directory: Path) -> None:
    change_sizes(directory, hidden=1 << 13, window=1 << 12)


def impossible_sizes(directory: Path) -> None:
    change_sizes(directory, items=1 << 62)


def deep_model_json(directory: Path) -> None:
    (directory / INFO).write_bytes(b'{"sizes":' * 50_000)


def deep_map(directory: Path) -> None:
    (directory / "user_map.json").write_bytes(b"[" * 100_000)
    sign(directory)


def link_out(directory: Path) -> None:
    elsewhere = directory.parent.parent / "elsewhere.pt"
    shutil.move(directory / "model.pt", elsewhere)
    (directory / "model.pt").symlink_to(elsewhere)


def pipe(directory: Path) -> None:
    (directory / "model.pt").unlink()
    os.mkfifo(directory / "model.pt")


def other_ids(directory: Path) -> None:
    """As many items, other ids: nothing but a digest can tell."""
    ids = json.loads((directory / "item_map.json").read_bytes())
    (directory / "item_map.json").write_text(
        json.dumps({f"9{raw}": row for raw, row in ids.items()})
    )


def one_file_of_another(directory: Path) -> None:
    save_other(directory.parent.parent / "other")
    shutil.copy(directory.parent.parent / "other/model.pt", directory)


BROKEN: dict[Callable[[Path], None], str] = {
    not_a_number: "not finite",
    infinite_head: "not finite",
    double_overflow: "not finite",
    not_a_number_in_a_table: "no table of finite numbers",
    endless_tensor: "not contiguous",
    zip_bomb: "compressed",
    huge_sizes: "has the shape",
    impossible_sizes: "sizes.items is",
    deep_model_json: "nested too deeply",
    deep_map: "cannot be read",
    link_out: "link out of",
    pipe: "not a regular file",
    other_ids: "a save or a copy was interrupted",
    one_file_of_another: "a save or a copy was interrupted",
}


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
