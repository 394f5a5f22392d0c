"""Keys and names of ids that are text."""

import pickle
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.renamed import ID_TEXTS
from transforms.columns import names as module
from transforms.columns.id_names import IdNames, item_ranks
from transforms.columns.names import (
    IdCollisionError,
    Names,
    hash_texts,
    id_texts,
    ids_of,
    is_valid_id,
    key_of,
    keys_of,
)

COLUMN = st.lists(ID_TEXTS, max_size=20)


@pytest.fixture
def colliding(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Texts with the same first letter have one key."""

    def first_letter(texts: pa.StringArray) -> np.ndarray:
        return np.array([ord(text[0]) for text in texts.to_pylist()], np.int64)

    monkeypatch.setattr(module, "hash_texts", first_letter)
    return


@given(COLUMN, st.booleans())
def test_a_column_comes_back_as_it_was(texts: list[str], encoded: bool) -> None:
    column = pa.array(texts, pa.string())
    found = keys_of(column.dictionary_encode() if encoded else column)
    assert ids_of(found.names, found.key) == texts
    assert id_texts(found.names, found.key).to_pylist() == texts
    assert not found.collides.any()
    assert len(found.names) == len(set(texts))
    assert found.names.key.tolist() == sorted(set(found.key.tolist()))
    assert [key_of(text) for text in texts] == found.key.tolist()


def test_keys_are_the_first_bytes_of_blake2b() -> None:
    # Part of the state's format: `printf gadget | b2sum -l 64`.
    assert hash_texts(pa.array(["gadget"])).astype("<i8").tobytes().hex() == GADGET


GADGET = "935f9fb2f404c5ed"


@given(COLUMN, COLUMN)
def test_merged_names_have_all_texts(one: list[str], other: list[str]) -> None:
    merged = Names.merged([Names.of(one), None, Names.of(other)])
    assert merged is not None
    assert sorted(merged.text.to_pylist()) == sorted({*one, *other})
    assert merged.key.tolist() == sorted(set(merged.key.tolist()))
    assert Names.merged([None, None]) is None
    both = IdNames.merged([IdNames(Names.of(one)), IdNames(Names.of(other)), None])
    assert both is not None
    assert both.user is not None
    assert both.item is None
    assert both.user.text.to_pylist() == merged.text.to_pylist()


@given(COLUMN)
def test_ranks_are_in_the_order_of_the_bytes(texts: list[str]) -> None:
    found = keys_of(pa.array(texts, pa.string()))
    ranks = item_ranks(IdNames(None, found.names), found.key).tolist()
    by_rank = [text for _, text in sorted(zip(ranks, texts, strict=True))]
    assert by_rank == sorted(texts, key=str.encode)
    assert item_ranks(IdNames(found.names), found.key) is found.key
    assert item_ranks(None, found.key) is found.key


@given(COLUMN, st.integers(0, 20))
def test_names_of_some_ids_are_pickled_and_written_alone(texts: list[str], size: int) -> None:
    found = keys_of(pa.array(texts, pa.string()))
    some = found.names.only([found.key[:size].reshape(-1, 1)])
    assert set(some.text.to_pylist()) == set(texts[:size])
    for copy in (Names.of_columns(*some.columns()), pickle.loads(pickle.dumps(some))):  # noqa: S301
        assert copy.key.tolist() == some.key.tolist()
        assert copy.text.to_pylist() == some.text.to_pylist()
    with pytest.raises(KeyError):
        some.texts(np.array([key_of("not there, for certain")], np.int64))


@pytest.mark.usefixtures("colliding")
def test_of_two_texts_with_one_key_the_smaller_is_kept() -> None:
    found = keys_of(pa.array(["ab", "b", "aa", "ab", "aa"]))
    assert found.collides.tolist() == [True, False, False, True, False]
    assert ids_of(found.names, found.key[~found.collides]) == ["b", "aa", "aa"]


@pytest.mark.usefixtures("colliding")
def test_two_texts_with_one_key_are_never_merged() -> None:
    with pytest.raises(IdCollisionError, match="'aa' and 'ab' have the same key 97"):
        Names.merged([Names.of(["aa", "c"]), Names.of(["b", "ab"])])
    with pytest.raises(IdCollisionError, match="rename one"):
        Names.of(["aa", "ab"])
    merged = Names.merged([Names.of(["aa"]), Names.of(["aa"])])
    assert merged is not None
    assert len(merged) == 1


def test_what_cannot_be_an_id() -> None:
    texts = ["a", "", "é" * 128, "é" * 129, "a\tb", "\x85", "\x7f", None, " a/b ", "\u00a0", "💚"]
    valid = [True, False, True, False, False, False, False, False, True, True, True]
    assert is_valid_id(pa.array(texts)).tolist() == valid
