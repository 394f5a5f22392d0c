"""A data set's feedback log as lists: rows, the split, and no reward from the test part."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from inference.network.network import Network
from inference.network.sizes import Sizes
from training.datasets.batches import Batch
from training.datasets.lists import ShownLists
from training.datasets.loading import DataError, load_sequences
from training.datasets.sequences import Sequences
from training.datasets.shown_lists import load_lists
from training.trainer.validation import off_policy_reward

N = 20
"""Events of the one user, 10 s apart on items 100 .. 115, then 104 .. 107: 15 to train on, 1 valid,
4 test."""


def made(folder: Path, rows: list[tuple], reward_window: int = 600) -> Sequences:
    """A data set with these rows of (time, history, items, propensities, rewards)."""
    time = np.arange(N) * 10
    item = np.r_[100 + np.arange(16), 104 + np.arange(4)]
    pq.write_table(
        pa.table({"user": [7] * N, "item": item, "label": ["pv"] * N, "time": time}),
        folder / "events.parquet",
    )
    names = ("time", "history", "items", "propensities", "rewards")
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    log = pa.table({"user": [7] * len(rows), "policy": ["a"] * len(rows)} | columns)
    settings = {b"rivulet": b'{"reward_window": %d}' % reward_window}
    pq.write_table(log.replace_schema_metadata(settings), folder / "feedback.parquet")
    return load_sequences(folder)


def test_rows_split_and_padding(tmp_path: Path) -> None:
    history = [100 + at for at in range(12)]
    sequences = made(
        tmp_path,
        [
            (5, [100], [101, 900], [0.5, 1.0], [1.0, 2.0]),
            (100, history, [105, 114, 103], [0.1, 0.2, 0.3], [0.0, 3.0, 0.0]),
            (150, history, [110], [1.0], [0.0]),
            (155, history, [110], [1.0], [0.0]),
            (165, history, [110], [1.0], [0.0]),
        ],
        reward_window=1,
    )
    assert np.bincount(sequences.split).tolist() == [15, 1, 4]
    train, valid = load_lists(tmp_path, sequences, width=10)
    # The first event of the valid part is at 150: a list at that time was made before it.
    assert len(train) == 3
    assert len(valid) == 1
    unknown = sequences.items.unknown
    assert train.items.tolist() == [
        [1, unknown, unknown],
        [5, 14, 3],
        [10, unknown, unknown],
    ]
    assert train.rewards.tolist() == [[1, 0, 0], [0, 3, 0], [0, 0, 0]]
    assert train.propensities[1].tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert train.lengths.tolist() == [1, 10, 10]
    assert train.histories[0].tolist() == [0] + [unknown] * 9
    assert train.histories[1].tolist() == list(range(2, 12))
    assert train.explored.tolist() == [True, True, False]
    assert not valid.explored.any()


@pytest.mark.parametrize(("reward_window", "kept"), [(20, 1), (21, 0), (3600, 0)])
def test_a_list_whose_reward_window_reaches_into_the_next_split_is_dropped(
    tmp_path: Path, reward_window: int, kept: int
) -> None:
    # The event on 114 at 140 explains its reward; the valid part begins at 150.
    row = (130, [113], [114, 105], [0.5] * 2, [1.0, 0.0])
    data = made(tmp_path, [row], reward_window)
    train, valid = load_lists(tmp_path, data)
    assert (len(train), len(valid)) == (kept, 0)
    # The second training has the valid part as well: the test part begins at 160.
    both, _ = load_lists(tmp_path, data.with_validation())
    assert len(both) == (reward_window <= 30)


def test_lists_of_popular_items_are_no_policys_decision(tmp_path: Path) -> None:
    data = made(tmp_path, [(5, [100], [101], [1.0], [0.0]), (6, [100], [101], [1.0], [0.0])])
    log = pq.read_table(tmp_path / "feedback.parquet")
    names = pa.array(["a-1", "popular"])
    log = log.set_column(log.column_names.index("policy"), "policy", names)
    pq.write_table(log, tmp_path / "feedback.parquet")
    train, _ = load_lists(tmp_path, data)
    assert train.decided.tolist() == [True, False]
    assert train.times.tolist() == [5, 6]


def test_a_log_without_a_reward_window_is_refused(tmp_path: Path) -> None:
    sequences = made(tmp_path, [(5, [100], [101], [1.0], [0.0])])
    log = pq.read_table(tmp_path / "feedback.parquet").replace_schema_metadata(None)
    pq.write_table(log, tmp_path / "feedback.parquet")
    with pytest.raises(DataError, match="reward window"):
        load_lists(tmp_path, sequences)


@pytest.mark.parametrize(
    ("propensity", "reward", "message"),
    [
        (float("nan"), 1.0, "propensity"),
        (1.5, 1.0, "propensity"),
        (-0.5, 1.0, "propensity"),
        (0.5, float("nan"), "reward"),
        (None, 1.0, "empty value"),
    ],
)
def test_numbers_that_make_no_sense_are_errors(
    tmp_path: Path, propensity: float, reward: float, message: str
) -> None:
    sequences = made(tmp_path, [(5, [100], [101], [propensity], [reward])])
    with pytest.raises(DataError, match=message):
        load_lists(tmp_path, sequences)


def test_a_log_that_was_rewarded_elsewhere_keeps_its_rewards(tmp_path: Path) -> None:
    # Of three rewards one has an event behind the list.
    row = (140, [113], [102, 105, 103], [0.5] * 3, [1.0, 2.0, 3.0])
    train, _ = load_lists(tmp_path, made(tmp_path, [row]))
    assert train.rewards[0].tolist() == [1.0, 2.0, 3.0]


def test_data_without_a_log_has_no_lists_and_a_broken_log_is_an_error(tmp_path: Path) -> None:
    sequences = made(tmp_path, [(5, [100], [101], [1.0, 0.5], [0.0])])
    with pytest.raises(DataError, match="equally many"):
        load_lists(tmp_path, sequences)
    (tmp_path / "feedback.parquet").write_text("no log")
    with pytest.raises(DataError, match="cannot be read"):
        load_lists(tmp_path, sequences)
    (tmp_path / "feedback.parquet").unlink()
    train, valid = load_lists(tmp_path, sequences)
    assert len(train) == len(valid) == 0
    assert Batch.of(train, torch.device("cpu")).actions.shape == (0, 1)


def test_off_policy_reward_by_hand() -> None:
    network = Network("reinforce", Sizes(items=5, users=1, item_dim=4))
    with torch.no_grad():
        network.encoder.items.weight.zero_()
        network.bias.copy_(torch.tensor([9.0, 2.0, 0.0, 1.0, 0.0, 50.0]))
    # Item 0 is in the history and item 5 unknown: the lists of two are 1 and 3.
    lists = ShownLists.of(
        histories=np.array([[0, 5], [0, 5]]),
        lengths=np.array([1, 1]),
        users=np.array([0, 0]),
        items=np.array([[1, 2], [3, 1]]),
        rewards=np.array([[2, 1], [3, 1]], np.float32),
        propensities=np.array([[0.1, 1.0], [0.01, 0.0]], np.float32),
    )
    device = torch.device("cpu")
    # 2 / 0.1, 3 / 0.01 and 1, whose propensity nobody knows.
    assert off_policy_reward(network, lists, device, 1_000) == pytest.approx((20 + 300 + 1) / 2)
    assert off_policy_reward(network, lists, device, 50) == pytest.approx((20 + 150 + 1) / 2)
