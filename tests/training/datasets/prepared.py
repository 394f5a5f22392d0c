"""Runs `training.prepare` and reads what it wrote."""

import gzip
import json
from pathlib import Path

import pyarrow.parquet as pq

from training.prepare import main


def prepare(output: Path, *arguments: str | Path) -> dict[str, list]:
    assert main(["--output", str(output), "--input", *map(str, arguments)]) == 0
    return pq.read_table(output / "events.parquet").to_pydict()


def rows(columns: dict[str, list]) -> list[tuple]:
    return list(zip(*(columns[name] for name in ("user", "item", "label", "time")), strict=True))


def meta(output: Path) -> dict:
    return json.loads((output / "meta.json").read_text())


def write(path: Path, *lines: str) -> Path:
    text = "".join(f"{line}\n" for line in lines)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def users_with(counts: dict[int, int]) -> list[str]:
    return [f"{user},{at + 1},pv,{at}" for user, count in counts.items() for at in range(count)]
