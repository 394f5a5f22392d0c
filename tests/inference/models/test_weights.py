"""model.pt: weights are finite tensors of the network's shapes, and claim no memory."""

import io
import resource
import zipfile
from pathlib import Path

import pytest
import torch

from inference.models.files import ModelError
from inference.models.info import ModelInfo
from inference.models.weights import build_network, parse_state
from inference.network.sizes import Sizes
from tests.inference.tiny import tiny_network

PATH = Path("dir/model.pt")


def content_of(state: object) -> bytes:
    file = io.BytesIO()
    torch.save(state, file)
    return file.getvalue()


def test_weights_come_back_in_single_precision() -> None:
    state = {"a": torch.tensor([1.5, 2]), "copy.again": torch.tensor(3.0, dtype=torch.float16)}
    parsed = parse_state(content_of(state), PATH)
    assert {name: value.tolist() for name, value in parsed.items()} == {
        "a": [1.5, 2],
        "repeats.again": 3,
    }
    assert {value.dtype for value in parsed.values()} == {torch.float32}


@pytest.mark.parametrize(
    "state",
    [
        [],
        {"a": 1},
        {"a": torch.tensor([1])},
        {"a": torch.tensor([1.0, float("nan")])},
        {"a": torch.tensor([float("inf")])},
        {"a": torch.tensor([1e300], dtype=torch.float64)},
        {"a": torch.zeros(1).expand(10**15)},
        {"a": torch.zeros(3, 2).T},
        {"a": torch.eye(3).to_sparse()},
        {"a": torch.empty(3, device="meta")},
    ],
    ids=str,
)
def test_what_is_no_dense_finite_float_tensor_is_refused(state: object) -> None:
    with pytest.raises(ModelError, match=r"dir/model\.pt cannot be loaded: "):
        parse_state(content_of(state), PATH)


def test_a_compressed_file_is_refused() -> None:
    stored = zipfile.ZipFile(io.BytesIO(content_of({"a": torch.zeros(1 << 16)})))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in stored.namelist():
            archive.writestr(name, stored.read(name))
    with pytest.raises(ModelError, match="compressed"):
        parse_state(file.getvalue(), PATH)


def info_of(**sizes: int) -> ModelInfo:
    return ModelInfo("reinforce", "1", Sizes(items=50, users=5, item_dim=8, user_dim=4, **sizes))


def test_sizes_that_do_not_fit_allocate_nothing() -> None:
    state = tiny_network().state_dict()
    assert build_network(info_of(), state, Path("dir")).sizes == info_of().sizes
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    large = ModelInfo("bcq", "1", Sizes(1 << 28, 1 << 28, 898, 1 << 12, 1 << 12, hidden=1 << 13))
    for info in (large, info_of(window=1 << 12)):
        with pytest.raises(ModelError, match="cannot be loaded"):
            build_network(info, state, Path("dir"))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10  # KiB


def test_a_difference_is_named() -> None:
    state = tiny_network().state_dict()
    with pytest.raises(ModelError, match=r"places has the shape \(10, 8\), model.json says \(9, 8"):
        build_network(info_of(window=9), state, Path("dir"))
    del state["bias"]
    with pytest.raises(ModelError, match="bias is missing"):
        build_network(info_of(), state, Path("dir"))
    with pytest.raises(ModelError, match="more is unexpected"):
        build_network(info_of(), tiny_network().state_dict() | {"more": torch.zeros(1)}, Path("d"))
