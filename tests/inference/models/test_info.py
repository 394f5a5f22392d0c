"""model.json: what is written comes back; anything else is refused with the field's name."""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.models.files import INFO_BYTES, ModelError
from inference.models.info import INFO, ModelInfo, parse_info, read_info, write_info
from inference.network.sizes import Sizes

INFOS = st.builds(
    ModelInfo,
    algorithm=st.sampled_from(["reinforce", "ddpg", "bcq"]),
    version=st.text("0123456789abcdef", max_size=8),
    sizes=st.builds(
        Sizes,
        items=st.integers(1, 1 << 28),
        users=st.integers(0, 1 << 28),
        item_dim=st.integers(1, 898),
        user_dim=st.integers(0, 1 << 12),
        window=st.integers(1, 1 << 12),
        encoder=st.sampled_from(["attention", "gru", "other"]),
        hidden=st.integers(1, 1 << 13),
        repeats=st.booleans(),
    ),
    name=st.text("abc-_", max_size=20),
    metrics=st.dictionaries(st.text(max_size=5), st.floats(allow_nan=False), max_size=3),
    min_history=st.none() | st.integers(1, 1000),
    files=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
)
VALID = {"algorithm": "reinforce", "version": "1", "sizes": {"items": 5, "users": 5, "window": 7}}


def parse(given: object) -> ModelInfo:
    return parse_info(json.dumps(given).encode(), Path("dir/model.json"))


@given(INFOS)
def test_what_is_written_comes_back(info: ModelInfo) -> None:
    with TemporaryDirectory() as folder:
        write_info(Path(folder), info)
        assert read_info(Path(folder)) == info
        assert json.loads((Path(folder) / INFO).read_bytes())["history"] == info.sizes.window


def test_the_window_is_the_history() -> None:
    assert parse(VALID).history == 7
    assert parse(VALID | {"history": 7}).history == 7
    assert parse(VALID).min_history is None
    assert parse(VALID | {"min_history": 3}).min_history == 3
    assert not parse(VALID).sizes.repeats
    old = {"sizes": {"items": 5, "users": 5, "copy": True}}
    assert parse(VALID | old).sizes.repeats


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"algorithm": None}, "algorithm"),
        ({"version": 3}, "version is '3'; it must be a JSON string"),
        ({"sizes": []}, "sizes"),
        ({"sizes": {"users": 5}}, "items is missing"),
        ({"sizes": {"items": 5, "users": True}}, "users is 'True'"),
        ({"sizes": {"items": 0, "users": 5}}, r"sizes.items is 0; it must lie in \[1, "),
        ({"sizes": {"items": 5, "users": -1}}, "sizes.users is -1"),
        ({"sizes": {"items": 10**30, "users": 5}}, "sizes.items"),
        ({"sizes": {"items": 5, "users": 5, "hidden": 1 << 14}}, "sizes.hidden"),
        ({"sizes": {"items": 5, "users": 5, "item_dim": 2000}}, "sizes.item_dim"),
        ({"sizes": {"items": 5, "users": 5, "window": 0}}, "sizes.window"),
        ({"sizes": {"items": 5, "users": 5, "repeats": 1}}, "repeats"),
        ({"sizes": {"items": 5, "users": 5, "encoder": ["gru"]}}, "encoder"),
        ({"history": 10}, "history is 10, but the window is 7"),
        ({"min_history": -4}, "min_history"),
        ({"min_history": 1 << 40}, "min_history"),
        ({"min_history": "many"}, "min_history"),
        ({"metrics": []}, "metrics"),
        ({"files": {"model.pt": 5}}, "files"),
        ({"name": "x" * 63}, "64 bytes"),
        ({"name": "a\nb"}, "printed"),
        ({"name": "\ud800"}, "printed"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message) as raised:
        parse(VALID | change)
    assert str(raised.value).startswith("dir/model.json is broken: ")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"\xff\xfe",
        b"{",
        b"[" * 500_000,
        b'{"training":' * 100_000,
        b'{"sizes": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_content_that_is_no_json_object_is_refused(content: bytes) -> None:
    with pytest.raises(ModelError, match=r"dir/model\.json is broken"):
        parse_info(content, Path("dir/model.json"))


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / INFO).write_bytes(json.dumps(VALID).encode() + b" " * INFO_BYTES)
    with pytest.raises(ModelError, match="the limit is"):
        read_info(tmp_path)


def test_model_json_is_read_without_pytorch_and_beam() -> None:
    program = (
        "import sys, inference.models.info, inference.models.current, inference.models.choices, "
        "inference.network.encoders; print({'torch', 'apache_beam'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"set()"
