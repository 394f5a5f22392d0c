"""Finds the input files of `training.prepare` and detects their kinds.

Kinds: an event file (spec section 1: CSV with a header, headerless CSV with named columns, the
same gzipped, Parquet), Tianchi's three headerless files (`user.csv`, `item.csv`,
`user_behavior.csv`) and the feedback log (`training.datasets.feedback_log`).
"""

from __future__ import annotations

import csv
import glob
import gzip
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from rivulet.errors import UserError
from sources.errors import SourceError
from sources.parsing.layout import Layout, is_header, positions

USER_FEATURES = ("sex", "age", "pur_power")
ITEM_FEATURES = ("category", "shop", "brand")
FEATURES = USER_FEATURES + ITEM_FEATURES
EVENT = ("user", "item", "label", "time")
COLUMNS = EVENT + FEATURES
"""The columns of `events.parquet` and `tianchi.csv`, in their order."""

TIANCHI = {
    "user": ("user", *USER_FEATURES),
    "item": ("item", *ITEM_FEATURES),
    "user_behavior": ("user", "item", "behavior", "time"),
}
"""The columns of Tianchi's headerless files, by the file's name."""

REQUIRED = ("user", "item", "time")
FEEDBACK_COLUMNS = frozenset({"user", "time", "history", "items", "rewards"})
PARQUET = (".parquet", ".pq")
LINE_LIMIT = 1 << 20
"""Characters of the first line of a text file, at most."""
DATASET_FILES = ("events.parquet", "tianchi.csv", "feedback.parquet", "meta.json")
"""What `training.prepare` writes."""


class RawLogError(UserError):
    """An input file cannot be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class RawFile:
    """An input file.

    Attributes:
        path: where it is.
        kind: `events`, `user` or `item` (Tianchi's side tables), or `feedback`.
        columns: names of its columns in their order, synonyms resolved; "" is an unused one. Of
            a Parquet file the names as they stand in the file.
        header: whether the first line of a CSV file is a header.
        parquet: whether it is a Parquet file.
    """

    path: Path
    kind: str
    columns: tuple[str, ...]
    header: bool = False
    parquet: bool = False


def find_files(
    inputs: Sequence[str],
    columns: Sequence[str] = (),
    output: Path | None = None,
    schema: bool = False,
) -> list[RawFile]:
    """The files that some paths, folders and globs name, each with its kind.

    Of a folder these are its files and the Parquet files of its sub-folders, as each run of a
    job with `--feedback DIR` writes into a sub-folder of its own. Hidden files are left out.

    Args:
        inputs: as the command line gives them.
        columns: names for the columns of headerless event files; empty where none were given.
        output: the folder to be written; what an earlier run wrote there is no input.
        schema: whether a schema says what the fields of all files are but the feedback logs'.

    Raises:
        RawLogError: a path names no file, or a file is of no known kind.
    """
    paths: list[Path] = []
    for text in inputs:
        place = Path(text)
        named = _in_folder(place, output) if place.is_dir() else map(Path, glob.glob(text))  # noqa: PTH207
        files = [path for path in sorted(named) if path.is_file()]
        if not files:
            there = place.exists() and not place.is_dir()
            reason = "it is no regular file" if there else "there is no such file"
            raise RawLogError(f"--input {text}: {reason}")
        paths += files
    if schema:
        return [_of_schema(path) for path in dict.fromkeys(paths)]
    return [_identify(path, tuple(columns)) for path in dict.fromkeys(paths)]


def _of_schema(path: Path) -> RawFile:
    if path.suffix in PARQUET:
        try:
            names = tuple(pq.read_schema(path).names)
        except (OSError, pa.ArrowException) as error:
            raise RawLogError(f"{path}: cannot be read: {error}") from error
        if set(names) >= FEEDBACK_COLUMNS:
            return RawFile(path, "feedback", names, parquet=True)
    return RawFile(path, "events", ())


def _in_folder(folder: Path, output: Path | None) -> list[Path]:
    files = [path for path in folder.iterdir() if path.is_file()]
    files += [path for path in folder.glob("*/**/*") if path.suffix in PARQUET]
    return [
        path
        for path in files
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and not (
            output and path.name in DATASET_FILES and path.parent.resolve() == output.resolve()
        )
    ]


def _identify(path: Path, columns: tuple[str, ...]) -> RawFile:
    try:
        if path.suffix in PARQUET:
            return _identify_parquet(path)
        opened = gzip.open if path.suffix == ".gz" else open
        # Bytes that are not UTF-8 make a line malformed, not the file.
        with opened(path, "rt", encoding="utf-8-sig", errors="replace") as lines:
            text = lines.readline(LINE_LIMIT)
            if len(text) == LINE_LIMIT:
                raise RawLogError(
                    f"{path}: its first line is longer than {LINE_LIMIT:,} characters"
                )
            first = tuple(next(csv.reader([text]), ()))
    except (OSError, EOFError, zlib.error, csv.Error, pa.ArrowException) as error:
        raise RawLogError(f"{path}: cannot be read: {error}") from error
    if not first:
        raise RawLogError(f"{path}: is empty")
    stem = path.name.split(".")[0]
    # A header names its columns; a first line with numbers in it is data.
    if columns and stem not in TIANCHI and not is_header(",".join(first).encode()):
        return _events(path, columns, header=False)
    if not any(cell.strip().lstrip("-").isdigit() for cell in first):
        return _events(path, first, header=True)
    if stem not in TIANCHI:
        raise RawLogError(
            f"{path}: has no header: name its columns with --columns, "
            "for example --columns user,item,category,behavior,time"
        )
    if len(first) != len(TIANCHI[stem]):
        raise RawLogError(
            f"{path}: has {len(first)} columns where Tianchi's file of that name "
            f"has {','.join(TIANCHI[stem])}"
        )
    kind = stem if stem in ("user", "item") else "events"
    return RawFile(path, kind, own_names(TIANCHI[stem]))


def _identify_parquet(path: Path) -> RawFile:
    names = tuple(pq.read_schema(path).names)
    if set(names) >= FEEDBACK_COLUMNS:
        return RawFile(path, "feedback", names, parquet=True)
    return _events(path, names, header=True, parquet=True)


def own_names(names: Sequence[str]) -> tuple[str, ...]:
    """A file's column names as `events.parquet` has them; an unused column is ""."""
    own = [name.strip().lower() for name in names]
    own = [name if name in FEATURES else "" for name in own]
    for field, at in positions(names).items():
        own[at] = "label" if field == "behavior" else field
    return tuple(own)


def _events(path: Path, names: tuple[str, ...], *, header: bool, parquet: bool = False) -> RawFile:
    columns = own_names(names)
    if header and "label" not in columns and all(name in columns for name in REQUIRED):
        try:
            Layout.of(names, str(path))
        except SourceError as error:
            raise RawLogError(str(error)) from error
    named = [name for name in columns if name]
    if len(named) != len(set(named)):
        raise RawLogError(f"{path}: two columns of one name among {','.join(names)}")
    for name in REQUIRED:
        if name not in columns:
            raise RawLogError(
                f"{path}: no column {name!r} among {','.join(names)}; a --schema says which column "
                "is what"
            )
    return RawFile(path, "events", names if parquet else columns, header, parquet)
