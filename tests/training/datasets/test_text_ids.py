"""Data sets whose ids are text: the sequences of integers, renamed."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from training.datasets.ids import kinds_of, read_ids
from training.datasets.loading import load_sequences
from training.datasets.shown_lists import ragged
from training.datasets.side_features import load_side_features
from transforms.columns import names as names_module
from transforms.columns.names import IdCollisionError, ids_of, keys_of
from transforms.messages.events import BEHAVIORS
from transforms.messages.id_kinds import IdKinds


def write(folder: Path, *, text: bool) -> Path:
    random = np.random.default_rng(1)
    user, item = random.integers(0, 9, 300), random.integers(0, 30, 300)
    columns = {
        "user": pa.array([f"u{one:02}" for one in user]) if text else pa.array(user),
        "item": pa.array([f"é{one:02}" for one in item]) if text else pa.array(item),
        "time": pa.array(random.integers(0, 50, 300)),
        "label": pa.array([BEHAVIORS[one] for one in random.integers(0, 4, 300)]),
        "category": pa.array(item % 4),
    }
    folder.mkdir()
    pq.write_table(pa.table(columns), folder / "events.parquet")
    return folder


def test_sequences_are_those_of_integers_renamed(tmp_path: Path) -> None:
    folder = write(tmp_path / "text", text=True)
    text, plain = (load_sequences(each) for each in (folder, write(tmp_path / "plain", text=False)))
    assert (text.users.kind, text.items.kind, plain.users.kind) == ("text", "text", "integer")

    def rows(of: object, *, is_text: bool) -> list[tuple[object, ...]]:
        users = ids_of(of.users.names, of.users.ids)  # type: ignore[attr-defined]
        names = load_names if is_text else None
        items = ids_of(names, of.raw_item)  # type: ignore[attr-defined]
        user = [users[row] for row in of.user.tolist()]  # type: ignore[attr-defined]
        columns = (of.time.tolist(), of.label.tolist(), of.split.tolist())  # type: ignore[attr-defined]
        return list(zip(user, items, *columns, strict=True))

    load_names = read_ids(pq.read_table(folder / "events.parquet")["item"])[1]
    renamed = [
        (f"u{user:02}", f"é{item:02}", *rest) for user, item, *rest in rows(plain, is_text=False)
    ]
    # Users are in another order; each user's events are in the same one.
    assert sorted(renamed, key=lambda row: str(row[0])) == sorted(
        rows(text, is_text=True), key=lambda row: str(row[0])
    )
    sides = [load_side_features(each, of.users, of.items)[1] for each, of in
             ((folder, text), (tmp_path / "plain", plain))]  # fmt: skip
    assert sides[0].sizes == sides[1].sizes
    assert kinds_of([folder / "events.parquet"]) == IdKinds("text", "text")


def test_lists_of_texts_become_keys() -> None:
    column = pa.chunked_array([pa.array([["a", "b"], [], ["a"]])])
    found = ragged(column, pa.int64())
    keys = keys_of(pa.array(["a", "b", "a"])).key
    assert found.values.tolist() == keys.tolist()
    assert found.lengths.tolist() == [2, 0, 1]


def test_two_texts_with_one_key_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names_module, "hash_texts", lambda texts: np.ones(len(texts), np.int64))
    with pytest.raises(IdCollisionError, match="'b' has the key of another id"):
        read_ids(pa.array(["a", "b"]))
