"""Raw logs to the prepared data that everything else in `training` reads.

Sorts the events by (user, time, item, label), drops exact duplicates, keeps a seeded sample of
users by their number of events, puts ages into buckets and joins the side features. Writes, in
the folder of `--output`:

- `events.parquet`: user, item, time (int64), label (string: pv, cart, fav, buy), sex, age
  (bucket), pur_power, category, shop, brand (int64; -1 where unknown);
- `tianchi.csv`: the same columns in the same order, with a header, for the pipelines;
- `feedback.parquet`: the feedback logs among the inputs, by user and time (only if there are any);
  the events behind them are rebuilt where no event file is given beside them;
- `meta.json`: counts, the choice made, and a fingerprint of the events.

    python -m training.prepare --input user.csv item.csv user_behavior.csv --output data
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, fields
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from training.cli import Parser, at_least, progress_console, run_command
from training.datasets.dataset_sql import (
    Selection,
    choose_users,
    describe,
    drop_duplicates,
    fingerprint,
    write_files,
)
from training.datasets.feedback_log import FeedbackRow, as_shown, rebuild_events
from training.datasets.ingest import (
    EVENT,
    FEATURES,
    UNKNOWN,
    RawFile,
    RawLogError,
    count_rows,
    find_files,
    read_events,
)

FEEDBACK_ROWS = 20_000
REBUILT_ROWS = 1_000_000
FILES = ("events.parquet", "tianchi.csv", "feedback.parquet", "meta.json")


SUMMARY = "Turn raw logs into prepared data: sorted, without duplicates, with side features."
HELP = {
    "short_min": "least events of a user of the first group",
    "short_max": "most events of a user of the first group",
    "short_users": "users sampled from the first group, at most",
    "long_min": "least events of a user of the second group",
    "long_max": "most events of a user of the second group",
    "long_users": "users sampled from the second group, at most",
    "seed": "of the sample of users",
}
AGE_BUCKETS = (18, 25, 30, 35, 40, 50, 60)


def prepare(
    files: list[RawFile],
    output: Path,
    selection: Selection,
    age_buckets: tuple[int, ...] = AGE_BUCKETS,
    memory: str = "4GB",
) -> dict[str, Any]:
    """Prepare `files` into the folder `output` and return what `meta.json` holds.

    Args:
        files: what `find_files` found.
        output: the folder to write; it is made where it is missing.
        selection: which users are kept.
        age_buckets: ascending ages in years at which a new bucket begins.
        memory: how much memory DuckDB may take before it spills to disk.

    Raises:
        RawLogError: no event is left to write.
    """
    output.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix=".prepare-", dir=output) as scratch,
        duckdb.connect(f"{scratch}/events.duckdb") as database,
        progress_console.status("reading") as status,
    ):
        database.execute("SET memory_limit = ?", [memory])
        database.execute("SET temp_directory = ?", [f"{scratch}/spill"])
        database.execute("SET preserve_insertion_order = false")
        read = read_events(database, files)
        rows = read.rows + _read_feedback(database, files, Path(scratch))
        status.update("dropping duplicates")
        drop_duplicates(database)
        unique = count_rows(database, "events")
        status.update("choosing users")
        choose_users(database, selection)
        status.update("writing")
        write_files(database, Path(scratch), age_buckets)
        meta = {
            "inputs": [file.path.name for file in files],
            "rows": rows,
            "malformed": read.malformed,
            "duplicates": rows - read.malformed - unique,
            "different_events": unique,
            **describe(database),
            "selection": asdict(selection),
            "age_buckets": list(age_buckets),
        }
        if not meta["events"]:
            raise RawLogError(
                f"none of {unique} events is left: no user has a number of events that is kept "
                "(--short_min, --long_max; --keep_all keeps every user)"
            )
        meta["fingerprint"] = fingerprint(Path(scratch) / "events.parquet")
        (Path(scratch) / "meta.json").write_text(json.dumps(meta, indent=2) + "\n")
        for name in FILES:
            written = Path(scratch) / name
            if written.exists():
                written.replace(output / name)
            else:
                (output / name).unlink(missing_ok=True)
    return meta


def _read_feedback(database: duckdb.DuckDBPyConnection, files: list[RawFile], scratch: Path) -> int:
    """Keep the feedback logs, and add the events behind them to `raw`; returns their number.

    Beside event files, which have these events with their true times, none are added.
    """
    logs = [str(file.path) for file in files if file.kind == "feedback"]
    if not logs:
        return 0
    kept = scratch / "feedback.parquet"
    database.execute(
        f"COPY (SELECT DISTINCT * FROM read_parquet(?) ORDER BY user, time) "  # noqa: S608
        f"TO '{kept}' (FORMAT parquet)",
        [logs],
    )
    if any(file.kind == "events" for file in files):
        return 0

    def shown() -> Iterator[FeedbackRow]:
        for batch in pq.ParquetFile(kept).iter_batches(
            FEEDBACK_ROWS, columns=list(FeedbackRow._fields)
        ):
            yield from as_shown(batch.to_pydict())

    before = count_rows(database, "raw")
    kinds = [pa.string() if name == "label" else pa.int64() for name in EVENT]
    unknown = ", ".join(f"{UNKNOWN} AS {name}" for name in FEATURES)
    events = rebuild_events(shown())
    while chunk := list(islice(events, REBUILT_ROWS)):
        columns = [
            pa.array(values, kind)
            for values, kind in zip(zip(*chunk, strict=True), kinds, strict=True)
        ]
        database.register("rebuilt", pa.table(columns, names=EVENT))
        database.execute(f"INSERT INTO raw SELECT *, {unknown} FROM rebuilt").fetchall()  # noqa: S608
        database.unregister("rebuilt")
    return count_rows(database, "raw") - before


def _parser() -> Parser:
    parser = Parser(prog="python -m training.prepare", description=SUMMARY)
    add = parser.add_argument
    add(
        "--input",
        nargs="+",
        required=True,
        metavar="PATH",
        help="files, folders or globs: event files (CSV, gzipped CSV, Parquet), Tianchi's "
        "user.csv, item.csv and user_behavior.csv, or feedback logs (Parquet)",
    )
    add("--output", required=True, type=Path, metavar="DATA", help="folder to write")
    add(
        "--columns",
        type=_names,
        default=(),
        metavar="NAME,..",
        help="names of the columns of headerless event files, for example "
        "user,item,category,behavior,time",
    )
    add("--keep_all", action="store_true", help="keep every user, whatever the number of events")
    for field in fields(Selection):
        if field.name != "keep_all":
            add(
                f"--{field.name}",
                type=at_least(0),
                default=field.default,
                metavar="N",
                help=HELP[field.name],
            )
    add(
        "--age_buckets",
        type=_ages,
        default=AGE_BUCKETS,
        metavar="YEARS,..",
        help="ascending ages at which a new bucket begins; bucket 0 is below the first",
    )
    add("--memory", default="4GB", help="memory that may be taken before spilling to disk")
    return parser


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


def _ages(text: str) -> tuple[int, ...]:
    ages = tuple(at_least(0)(age) for age in text.split(","))
    if sorted(set(ages)) != list(ages):
        raise argparse.ArgumentTypeError(f"{text!r} is not ascending")
    return ages


def _summary(meta: dict[str, Any], output: Path) -> Table:
    table = Table(title=f"prepared into {output}", show_header=False)
    names = ("rows", "malformed", "duplicates", "different_events", "users", "items", "events")
    for name in names:
        table.add_row(name.replace("_", " "), f"{meta[name]:,}")
    table.add_row("labels", ", ".join(f"{name} {n:,}" for name, n in meta["labels"].items()))
    table.add_row("fingerprint", meta["fingerprint"][:16])
    return table


def main(argv: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    selection = Selection(**{each.name: getattr(options, each.name) for each in fields(Selection)})
    try:
        files = find_files(options.input, options.columns)
        meta = prepare(files, options.output, selection, options.age_buckets, options.memory)
    except (RawLogError, duckdb.Error, OSError) as error:
        parser.error(" ".join(str(error).split()))
    Console().print(_summary(meta, options.output))
    return 0


if __name__ == "__main__":
    run_command(main)
