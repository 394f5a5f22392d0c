"""Batches: dataclasses whose fields are columns, and the coder that Beam uses for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from functools import cache
from typing import Any, ClassVar, Self, TypeVar

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.columns.codec import Buffer, Column, read_columns, write_columns
from transforms.columns.event_details import DETAIL_COLUMNS
from transforms.columns.id_names import IdNames

C = TypeVar("C", bound="Columns")
Index = npt.NDArray[np.generic] | slice


class Columns:
    """Base of dataclasses whose fields are all columns (NumPy arrays), of any lengths."""

    COMPRESSED: ClassVar[bool] = False
    """Whether the coder compresses with LZ4: worthwhile for wide rows that resemble each other."""

    USERS: ClassVar[tuple[str, ...]] = ()
    """The columns that hold ids of users."""

    ITEMS: ClassVar[tuple[str, ...]] = ()
    """The columns that hold ids of items."""

    names: IdNames | None = None
    """The texts of ids that are keys of texts; None where all ids are integers."""

    def named(self, *names: IdNames | None) -> Self:
        """Gives these columns, which the caller has just made, the names of all arguments.

        Raises:
            IdCollisionError: two texts have one key.
        """
        merged = IdNames.merged(names)
        if merged is not None:
            # Not a field: columns of integers do not pay for it, and the fields are all columns.
            object.__setattr__(self, "names", merged)
        return self

    def detail_columns(self) -> tuple[Column, ...]:
        """Columns that follow the fields where there are any; their first is of integers."""
        return ()

    def with_detail_columns(self, columns: Sequence[Column]) -> Self:
        """The same, with what `detail_columns` gave."""
        raise TypeError(f"{type(self).__name__} has no details, but {len(columns)} columns more")

    def own_names(self) -> IdNames | None:
        """The names of the ids that the columns hold, without those of other ids."""
        if self.names is None:
            return None
        users = [getattr(self, name) for name in self.USERS]
        return self.names.only(users, [getattr(self, name) for name in self.ITEMS])

    def replaced(self, **changes: Column) -> Self:
        """The same columns and names, but for some columns."""
        return replace(self, **changes).named(self.names)  # type: ignore[type-var]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles the columns with their names."""
        return _restored, (type(self), self.columns(), self.own_names())

    def columns(self) -> tuple[Column, ...]:
        """The columns in the order of the fields."""
        return tuple([getattr(self, name) for name in column_names(type(self))])  # type: ignore[arg-type]


def _restored(kind: type[C], columns: tuple[Column, ...], names: IdNames | None) -> C:
    return kind(*columns).named(names)


@cache
def column_names(columns_type: type[Columns]) -> tuple[str, ...]:
    """The names of the columns in the order of the fields."""
    return tuple(field.name for field in fields(columns_type))  # type: ignore[arg-type]


class Frame(Columns):
    """Base of dataclasses whose fields are all columns of one length.

    A column may have more dimensions ([n, k]); the first one counts the rows.
    """

    def __len__(self) -> int:
        return len(self.columns()[0])

    def take(self, index: Index) -> Self:
        """The rows at `index` (positions, a mask or a slice)."""
        taken = type(self)(*(column[index] for column in self.columns()))
        return taken if self.names is None else taken.named(self.names)

    @classmethod
    def concat(cls, frames: Iterable[Self]) -> Self:
        """The rows of all `frames` (at least one), in order."""
        parts = list(frames)
        return parts[0] if len(parts) == 1 else cls.joined_fields(parts)

    @classmethod
    def joined_fields(cls, parts: Sequence[Self]) -> Self:
        """The rows of several frames, without what is beside their fields and names."""
        whole = cls(
            *(
                np.concatenate(columns)
                for columns in zip(*(part.columns() for part in parts), strict=True)
            )
        )
        return whole.named(*(part.names for part in parts))


def name_columns(names: IdNames | None) -> tuple[Column, ...]:
    """The columns that follow those of an encoded frame: none where ids are integers."""
    return () if names is None else names.columns()


def names_in(columns: list[Column]) -> IdNames | None:
    """The names from what `name_columns` gave."""
    return IdNames.of_columns(columns) if columns else None


class FrameCoder(beam.coders.Coder):
    """Encodes a frame or other columns, see `transforms.columns.codec`.

    The names of ids that are text follow as columns of their own. Where ids are integers there are
    no such columns.
    """

    def __init__(self, frame_type: type[Columns]) -> None:
        self._type = frame_type

    @classmethod
    def from_type_hint(cls, typehint: Any, registry: Any) -> FrameCoder:
        """The coder for a frame type, as Beam's registry asks for it."""
        del registry
        return cls(typehint)

    def encode(self, value: Columns) -> bytes:
        """Encodes a frame."""
        names = name_columns(value.own_names())
        encoded = write_columns((*value.columns(), *value.detail_columns(), *names))
        if not self._type.COMPRESSED:
            return encoded
        packed: bytes = pa.compress(encoded, codec="lz4", asbytes=True)
        return len(encoded).to_bytes(4, "little") + packed

    def decode(self, encoded: Buffer) -> Any:
        """Decodes what `encode` wrote."""
        if self._type.COMPRESSED:
            size = int.from_bytes(encoded[:4], "little")
            encoded = pa.decompress(memoryview(encoded)[4:], size, codec="lz4", asbytes=True)
        columns = read_columns(encoded)
        size = len(column_names(self._type))  # type: ignore[arg-type]
        found, rest = self._type(*columns[:size]), columns[size:]
        # The first column of names is of booleans.
        if rest and rest[0].dtype.kind == "i":
            found = found.with_detail_columns(rest[:DETAIL_COLUMNS])
            rest = rest[DETAIL_COLUMNS:]
        return found.named(names_in(rest))

    def is_deterministic(self) -> bool:
        """Equal frames have equal bytes."""
        return True

    def to_type_hint(self) -> type[Columns]:
        """The type that is encoded."""
        return self._type

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FrameCoder) and self._type is other._type

    def __hash__(self) -> int:
        return hash((FrameCoder, self._type))


def coded(frame_type: type[C]) -> type[C]:
    """Class decorator that makes Beam encode elements of this type with a `FrameCoder`."""
    beam.coders.registry.register_coder(frame_type, FrameCoder)
    return frame_type
