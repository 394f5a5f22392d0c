"""Sequences against plain loops over a few users' events."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.datasets.loading import DataError, load_sequences
from training.datasets.sequences import TEST, TRAIN, VALID, Sequences, make_sequences
from training.datasets.transitions import discounted_returns
from transforms.messages.events import BEHAVIORS, REWARDS

EVENT = st.tuples(
    st.integers(1, 4),
    st.integers(1, 9),
    st.integers(0, 3),
    st.integers(0, 40).map(lambda t: t * 900),
)


def sequences(events: list[tuple[int, int, int, int]]) -> Sequences:
    user, item, label, time = (np.array(column, np.int64) for column in zip(*events, strict=True))
    return make_sequences(user, item, label.astype(np.int8), time)


def by_user(events: list[tuple[int, int, int, int]]) -> dict[int, list[tuple[int, int, int, int]]]:
    order = sorted(events, key=lambda e: (e[0], e[3], e[1], e[2]))
    return {user: [e for e in order if e[0] == user] for user in sorted({e[0] for e in events})}


@given(st.lists(EVENT, min_size=1, max_size=60))
def test_split_and_histories(events: list[tuple[int, int, int, int]]) -> None:
    data = sequences(events)
    at = 0
    for user, own in by_user(events).items():
        seen = int(0.8 * len(own) + 1e-9)
        train = seen - int(0.1 * seen + 1e-9)
        for place, event in enumerate(own):
            assert data.users.ids[data.user[at]] == user
            assert (data.raw_item[at], data.label[at], data.time[at]) == event[1:]
            part = TRAIN if place < train else VALID if place < seen else TEST
            assert data.split[at] == part
            history, length = data.raw_histories(np.array([at]), 3)
            before = [e[1] for e in own[:place]][-3:]
            assert length[0] == len(before)
            assert history[0].tolist() == before + [0] * (3 - len(before))
            rows, _ = data.histories(np.array([at]), 3)
            known = [data.items.rows(np.array([i]))[0] for i in before]
            assert rows[0].tolist() == known + [data.items.unknown] * (3 - len(before))
            at += 1
    seen_items = {int(i) for i, p in zip(data.raw_item, data.split, strict=True) if p != TEST}
    assert set(data.items.ids.tolist()) == seen_items


@given(st.lists(EVENT, min_size=1, max_size=60), st.sampled_from([None, 3600]))
def test_transitions_look_at_their_part_alone(
    events: list[tuple[int, int, int, int]], gap: int | None
) -> None:
    data = sequences(events)
    for part in (TRAIN, VALID, TEST):
        steps = data.transitions(part, width=4, gamma=0.5, gap=gap)
        wanted = []
        at = -1
        for own in by_user(events).values():
            for place, event in enumerate(own):
                at += 1
                if data.split[at] != part or place == 0 or data.item[at] == data.items.unknown:
                    continue
                value, weight, end = 0.0, 1.0, place
                while True:
                    value += weight * float(REWARDS[own[end][2]])
                    weight /= 2
                    offset = at - place + end + 1
                    if end + 1 == len(own) or data.split[offset] != part:
                        break
                    if gap is not None and own[end + 1][3] - own[end][3] > gap:
                        break
                    end += 1
                wanted.append((event[1], float(REWARDS[event[2]]), value, end == place))
        assert len(steps) == len(wanted)
        assert data.items.ids[steps.actions].tolist() == [row[0] for row in wanted]
        assert steps.rewards.tolist() == [row[1] for row in wanted]
        assert steps.returns.tolist() == pytest.approx([row[2] for row in wanted])
        assert steps.last.tolist() == [row[3] for row in wanted]


def test_returns_by_hand() -> None:
    rewards = np.array([1, 2, 3, 1, 1], np.float32)
    session = np.array([0, 0, 0, 1, 1])
    got = discounted_returns(rewards, session, 0.9)
    assert got.tolist() == pytest.approx([1 + 1.8 + 2.43, 2 + 2.7, 3, 1.9, 1])


def write(folder: Path, **columns: list[object]) -> Path:
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.table(columns), folder / "events.parquet")
    return folder


def test_a_prepared_folder(tmp_path: Path) -> None:
    data = write(
        tmp_path, user=[2, 1, 1], item=[5, 6, 5], label=["pv", "buy", "cart"], time=[3, 2, 1]
    )
    (tmp_path / "meta.json").write_text('{"fingerprint": "f00"}')
    found = load_sequences(data)
    assert found.fingerprint == "f00"
    assert found.users.ids.tolist() == [1, 2]
    assert found.raw_item.tolist() == [5, 6, 5]
    assert [BEHAVIORS[code] for code in found.label] == ["cart", "buy", "pv"]


def test_what_is_wrong_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"training\.prepare"):
        load_sequences(tmp_path / "none")
    bad = write(tmp_path / "a", user=[1], item=[1], label=["look"], time=[1])
    with pytest.raises(DataError, match="a label is none of pv"):
        load_sequences(bad)
    with pytest.raises(DataError, match="has no events"):
        load_sequences(write(tmp_path / "b", user=[], item=[], label=[], time=[]))
    with pytest.raises(DataError, match="cannot be read"):
        load_sequences(write(tmp_path / "c", user=[1]))
    with pytest.raises(DataError, match="empty values"):
        load_sequences(write(tmp_path / "d", user=[1], item=[None], label=["pv"], time=[1]))
