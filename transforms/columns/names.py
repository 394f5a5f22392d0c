"""Ids that are text: 64-bit keys in the columns, and the texts beside them.

A column of ids is int64 everywhere. Where a shop's ids are text, an id is a key: the first 64 bits
of the text's BLAKE2b hash (RFC 7693). A batch carries the texts of its keys as `Names`, once for
each distinct id, and sinks write the texts. The hash is a cryptographic one, so that nobody can
choose an id that has the key of another one. Two texts with one key are noticed where names are
made or merged; they are never taken for one id.

Where ids are compared, texts are compared by their UTF-8 bytes (`Names.ranks`), not by their keys.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from rivulet.errors import UserError

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

MAX_BYTES = 256
"""Longest id, in bytes of UTF-8."""

KEY_BYTES = 8
_LAST = np.iinfo(np.int64).max


class IdCollisionError(UserError, ValueError):
    """Two texts have one key: one line that names both."""


@dataclass(frozen=True, slots=True, eq=False)
class Names:
    """The texts of keys.

    Attributes:
        key: int64 [n], distinct, ascending.
        text: a string array [n], the text of each key.
    """

    key: Int64s
    text: pa.StringArray

    def __len__(self) -> int:
        return len(self.key)

    @staticmethod
    def empty() -> Names:
        """No names."""
        return Names(np.empty(0, np.int64), pa.array([], pa.string()))

    @staticmethod
    def of(texts: Iterable[str]) -> Names:
        """The names of some texts, in any order and with any repetitions.

        Raises:
            IdCollisionError: two different texts have one key.
        """
        known = pa.array(sorted(set(texts)), pa.string())
        return Names.of_pairs(hash_texts(known), known)

    @staticmethod
    def of_pairs(key: Int64s, text: pa.StringArray) -> Names:
        """The names of pairs in any order, with any repetitions.

        Args:
            key: int64 [n].
            text: a string array [n].

        Raises:
            IdCollisionError: a key has two texts.
        """
        rows = np.argsort(key, kind="stable")
        key = key[rows]
        again = np.flatnonzero(key[1:] == key[:-1])
        if len(again):
            before, after = text.take(pa.array(rows[again])), text.take(pa.array(rows[again + 1]))
            differ = pc.not_equal(before, after)
            if pc.any(differ).as_py():
                place = pc.index(differ, True).as_py()
                raise IdCollisionError(
                    f"the ids {before[place].as_py()!r} and {after[place].as_py()!r} have the same "
                    f"key {int(key[again[place]])}: rename one of them at the source"
                )
            rows, key = np.delete(rows, again + 1), np.delete(key, again + 1)
        return Names(key, text.take(pa.array(rows)))

    @staticmethod
    def merged(parts: Iterable[Names | None]) -> Names | None:
        """The names of all parts; None where no part has any, as with integers.

        Raises:
            IdCollisionError: a key has two texts.
        """
        found: list[Names] = []
        for part in parts:
            if part is not None and not any(part is other for other in found):
                found.append(part)
        filled = [part for part in found if len(part)]
        if len(filled) < 2:
            return filled[0] if filled else found[0] if found else None
        keys = np.concatenate([part.key for part in filled])
        return Names.of_pairs(keys, pa.concat_arrays([part.text for part in filled]))

    def only(self, ids: Iterable[npt.NDArray[np.int64]]) -> Names:
        """The names of the keys that occur in some columns of any shapes."""
        wanted = [column.ravel() for column in ids]
        if not len(self):
            return self
        rows = [np.minimum(np.searchsorted(self.key, column), len(self) - 1) for column in wanted]
        found = [row[self.key[row] == one] for row, one in zip(rows, wanted, strict=True)]
        if sum(map(len, found)) < len(self):
            # Few of many: without a look at all.
            some = np.unique(np.concatenate([*found, np.zeros(0, np.int64)]))
            return Names(self.key[some], self.text.take(pa.array(some)))
        used = np.zeros(len(self), bool)
        for row in found:
            used[row] = True
        return self if used.all() else Names(self.key[used], self.text.filter(pa.array(used)))

    def texts(self, ids: Int64s) -> pa.StringArray:
        """The text of each id.

        Args:
            ids: int64 [n], keys that have a name.

        Returns:
            A string array [n].

        Raises:
            KeyError: an id has no name.
        """
        return self.text.take(pa.array(self.rows(ids)))

    def rows(self, ids: Int64s) -> Int64s:
        """The row of each id (of any shape) in the names.

        Raises:
            KeyError: an id has no name.
        """
        if not ids.size:
            return np.zeros(ids.shape, np.int64)
        row = np.minimum(np.searchsorted(self.key, ids), max(len(self) - 1, 0))
        if not len(self) or (self.key[row] != ids).any():
            raise KeyError("an id of text has no name")
        return row.astype(np.int64, copy=False)

    def ranks(self, ids: Int64s) -> Int64s:
        """The place of each id's text among all texts, which sort by their UTF-8 bytes.

        Args:
            ids: int64 of any shape, keys that have a name.
        """
        place = pc.sort_indices(self.text).to_numpy()
        rank = np.empty(len(self), np.int64)
        rank[place] = np.arange(len(self))
        return rank[self.rows(ids)]

    def columns(self) -> tuple[npt.NDArray[np.generic], ...]:
        """The names as columns for the coder: keys, lengths in bytes, bytes."""
        text = self.text
        offsets = np.frombuffer(text.buffers()[1], np.int32, len(text) + 1, 4 * text.offset)
        data = text.buffers()[2]
        octets = np.frombuffer(data, np.int8) if data is not None else np.empty(0, np.int8)
        return self.key, np.diff(offsets), octets[offsets[0] : offsets[-1]]

    @staticmethod
    def of_columns(
        key: npt.NDArray[np.generic],
        length: npt.NDArray[np.generic],
        octets: npt.NDArray[np.generic],
    ) -> Names:
        """The names that `columns` wrote."""
        offsets = np.zeros(len(key) + 1, np.int32)
        np.cumsum(length, out=offsets[1:])
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(octets)]
        text = pa.StringArray.from_buffers(len(key), buffers[1], buffers[2])
        return Names(key.astype(np.int64, copy=False), text)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles what the names hold, not all of the buffers that they are a part of."""
        return Names.of_columns, self.columns()


@dataclass(frozen=True, slots=True, eq=False)
class KeyedTexts:
    """A column of texts as keys.

    Attributes:
        key: int64 [n].
        names: the texts of the keys.
        collides: bool [n], rows whose text has the key of another text of the column; `names` has
            the smaller text.
    """

    key: Int64s
    names: Names
    collides: Bools


def hash_texts(texts: pa.StringArray) -> Int64s:
    """The key of each text: int64 [n], neither 0, which pads lists, nor the largest int64."""
    hasher = hashlib.blake2b
    digests = b"".join(
        [
            hasher(text, digest_size=KEY_BYTES).digest()
            for text in texts.view(pa.binary()).to_pylist()
        ]
    )
    keys = np.frombuffer(digests, "<i8").astype(np.int64)
    keys[keys == 0] = 1
    keys[keys == _LAST] = _LAST - 1
    return keys


def keys_of(texts: pa.Array) -> KeyedTexts:
    """A column of texts as keys and names. Each distinct text is hashed once.

    Args:
        texts: a string array [n], or a dictionary array of strings, without nulls; see
            `is_valid_id`.
    """
    encoded = texts if pa.types.is_dictionary(texts.type) else texts.dictionary_encode()
    distinct = encoded.dictionary.cast(pa.string())
    row = encoded.indices.to_numpy(zero_copy_only=False)
    key = hash_texts(distinct)
    by_key = np.argsort(key)
    ascending = key[by_key]
    if not (ascending[1:] == ascending[:-1]).any():
        names = Names(ascending, distinct.take(pa.array(by_key)))
        return KeyedTexts(key[row], names, np.zeros(len(row), bool))
    # By the text, so that it does not depend on the order of the rows which one is kept.
    place = pc.sort_indices(distinct).to_numpy()
    _, first = np.unique(key[place], return_index=True)
    kept = place[first]
    collides = np.ones(len(key), bool)
    collides[kept] = False
    return KeyedTexts(key[row], Names(key[kept], distinct.take(pa.array(kept))), collides[row])


def is_valid_id(texts: pa.Array) -> Bools:
    """Which texts can be ids: bool [n].

    An id has 1 to MAX_BYTES bytes of UTF-8 and no control character (U+0000 to U+001F, U+007F to
    U+009F).

    Args:
        texts: a string array [n]; a null is no id.
    """
    size = pc.binary_length(texts)
    fits = pc.and_(pc.greater(size, 0), pc.less_equal(size, MAX_BYTES))
    control = pc.match_substring_regex(texts, r"[\x00-\x1f\x7f-\x{9f}]")
    valid = pc.and_not(fits, control).fill_null(False)
    found: Bools = valid.to_numpy(zero_copy_only=False)
    return found


def ids_of(names: Names | None, ids: Int64s) -> list[Any]:
    """The ids as stores take them: texts where there are names, else integers."""
    found: list[Any] = ids.tolist() if names is None else names.texts(ids).to_pylist()
    return found


def id_texts(names: Names | None, ids: Int64s) -> pa.StringArray:
    """The ids as texts: those of the names where there are any, else the numbers' digits."""
    return pa.array(ids).cast(pa.string()) if names is None else names.texts(ids)


def key_of(text: str) -> int:
    """The key of one text."""
    return int(hash_texts(pa.array([text], pa.string()))[0])
