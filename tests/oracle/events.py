"""Events as tuples, and files of events as the specification defines them."""

import gzip
from pathlib import Path
from typing import NamedTuple

BEHAVIORS = ("pv", "cart", "fav", "buy")


class Event(NamedTuple):
    time: int
    item: int
    user: int
    behavior: str


def read(path: Path, columns: list[str] | None) -> tuple[list[Event], int]:
    """All well-formed lines of a gzipped CSV file, and the number of malformed ones."""
    events, malformed = [], 0
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        names = columns or next(lines).strip().split(",")
        for line in lines:
            fields = line.rstrip("\r\n").split(",")
            if len(fields) != len(names):
                malformed += 1
                continue
            row = dict(zip(names, fields, strict=True))
            if row["behavior"] not in BEHAVIORS or not 0 <= int(row["time"]) < 253_402_300_800:
                malformed += 1
                continue
            events.append(
                Event(int(row["time"]), int(row["item"]), int(row["user"]), row["behavior"])
            )
    return events, malformed
