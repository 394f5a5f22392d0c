"""Makes a data set from raw logs: reads, drops duplicates, samples users, writes."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from rivulet.urls import public_name
from sources.schema.load import load_schema
from sources.schema.schema import Schema
from training.cli import progress_console
from training.datasets.categories import add_of_catalogue, settle_categories
from training.datasets.dataset_sql import (
    describe,
    drop_duplicates,
    fingerprint,
    first_unusable_list,
    quoted_path,
    write_events,
)
from training.datasets.feedback_log import (
    PLAIN,
    SETTINGS_KEY,
    FeedbackRow,
    common_settings,
    rebuild_events,
    rows_of,
)
from training.datasets.filters import apply_filters, count_lists_left_out
from training.datasets.ids import kinds_of
from training.datasets.ingest import NO_FEATURES, ReadCounts, count_rows, read_events
from training.datasets.ingest_schema import read_by_schema
from training.datasets.input_kinds import common_kinds
from training.datasets.options import EventFilters, PrepareSettings, UserSample
from training.datasets.raw_files import DATASET_FILES, EVENT, RawFile, RawLogError
from training.datasets.stored_events import is_url, read_urls
from transforms.messages.behaviors import USUAL_REWARDS, reward_settings, rewards_in
from transforms.messages.id_kinds import TEXT

FEEDBACK_ROWS = 20_000
REBUILT_ROWS = 1_000_000


def prepare(
    files: Sequence[RawFile],
    settings: PrepareSettings,
    sample: UserSample,
    filters: EventFilters | None = None,
) -> dict[str, Any]:
    """Prepares files into the folder of `settings.output`; what its `meta.json` holds.

    All files of the data set are replaced once all is written.

    Args:
        files: what `find_files` returned.
        settings: output and how to read.
        sample: which users to keep.
        filters: what to leave out by numbers of events; None for nothing.

    Raises:
        RawLogError: no event is left to write, or a feedback log cannot be used.
    """
    output = settings.output
    output.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix=".prepare-", dir=output) as name,
        duckdb.connect(f"{name}/events.duckdb") as database,
        progress_console.status("reading") as status,
    ):
        scratch = Path(name)
        database.execute("SET memory_limit = ?", [settings.memory])
        database.execute("SET temp_directory = ?", [f"{name}/spill"])
        database.execute("SET preserve_insertion_order = false")
        schema = load_schema(settings.schema) if settings.schema else None
        urls = [each for each in settings.input if is_url(each)]
        kinds = common_kinds(files, urls, schema)
        if schema is not None:
            read = read_by_schema(database, files, schema, settings.max_line, kinds)
        else:
            read = read_events(database, files, scratch, settings.max_line, kinds)
        if urls:
            read = read.plus(read_urls(database, urls, schema, settings.max_line, kinds))
        log, rebuilt = _read_feedback(database, files, scratch, settings)
        status.update("dropping duplicates")
        drop_duplicates(database)
        unique = count_rows(database, "events")
        if not unique:
            raise RawLogError(_nothing_read(read))
        status.update("filtering")
        costs = apply_filters(database, filters or EventFilters(), sample)
        left_out: dict[str, Any] = {"filters": [asdict(cost) for cost in costs]}
        if log:
            left_out["lists"] = count_lists_left_out(database, scratch / "feedback.parquet")
        if not count_rows(database, "events"):
            raise RawLogError(
                f"none of {unique} events is left: no user has a number of events that is kept "
                f"({', '.join(cost.filter for cost in costs)}; without these options every user "
                "and every item is kept)"
            )
        if settings.items is not None:
            status.update("reading the catalogue")
            add_of_catalogue(database, settings.items, kinds.ids.item)
        status.update("writing")
        categories = settle_categories(database, settings.most_categories)
        write_events(database, scratch, settings.age_buckets, categories)
        meta = {
            "inputs": [*(file.path.name for file in files), *map(public_name, urls)],
            "rows": read.rows + rebuilt,
            "malformed": read.malformed,
            "ignored": read.ignored,
            "rebuilt": rebuilt,
            "duplicates": read.rows + rebuilt - read.malformed - read.ignored - unique,
            "different_events": unique,
            **describe(database),
            "left_out": left_out,
            "sample": asdict(sample),
            "age_buckets": list(settings.age_buckets),
            "categories": asdict(categories),
            **({"log": log} if log else {}),
            **_rewards(schema, log),
            "fingerprint": fingerprint(scratch / "events.parquet"),
        }
        (scratch / "meta.json").write_text(json.dumps(meta, indent=2) + "\n")
        _move(scratch, output)
    return meta


def _rewards(schema: Schema | None, log: Mapping[str, Any]) -> dict[str, float]:
    """What the behaviors earn: as the log says, else the schema, else as usual."""
    said = schema.rewards if schema is not None else None
    if log:
        of_log = rewards_in(log)
        if said not in (None, of_log):
            raise RawLogError(
                f"the feedback log was written with the rewards {reward_settings(of_log)}: give "
                "the schema the same [rewards], or prepare them apart"
            )
        said = of_log
    return reward_settings(said or USUAL_REWARDS)


def _nothing_read(read: ReadCounts) -> str:
    """Why the inputs hold no event."""
    if not read.rows:
        return "the inputs hold no event: they have no lines or rows"
    reasons = sorted(read.wrong.items(), key=lambda each: -each[1])
    said = "; ".join(f"{reason}: {count:,}" for reason, count in reasons if count)
    return (
        f"none of {read.rows:,} lines is an event ({said}). An event has user, item and time as "
        "whole numbers and a behavior among pv, cart, fav and buy; is --columns (or --schema) "
        "right?"
    )


def _move(scratch: Path, output: Path) -> None:
    for name in DATASET_FILES:
        written = scratch / name
        if written.exists():
            written.replace(output / name)
        else:
            (output / name).unlink(missing_ok=True)


def _read_feedback(
    database: duckdb.DuckDBPyConnection,
    files: Sequence[RawFile],
    scratch: Path,
    options: PrepareSettings,
) -> tuple[dict[str, Any], int]:
    """Writes the feedback logs as one `feedback.parquet`, and adds their events to `raw`.

    Event files, stores and topics hold the same events with their true times and behaviors: with
    them none are added.

    Returns:
        The settings of the job that wrote the logs, empty without logs; and how many events were
        added.
    """
    logs = [file.path for file in files if file.kind == "feedback"]
    if not logs and options.reward_window is not None:
        raise RawLogError("--reward_window is for feedback logs; there is none among the inputs")
    if not logs:
        return {}, 0
    settings = common_settings(logs, options.reward_window)
    kept = scratch / "feedback.parquet"
    key, metadata = SETTINGS_KEY.decode(), json.dumps(settings, sort_keys=True)
    # Lists of the same user and time have an order too: equal logs are equal files.
    database.execute(
        "COPY (SELECT DISTINCT * FROM read_parquet(?, union_by_name=true) "  # noqa: S608
        "ORDER BY user, time, COLUMNS(*)) "
        f"TO {quoted_path(kept)} (FORMAT parquet, KV_METADATA {{{key}: '{metadata}'}})",
        [[str(path) for path in logs]],
    )
    if wrong := first_unusable_list(database, kept, options.most_items):
        raise RawLogError(f"the feedback log has a row that cannot be used: {wrong}")
    if any(file.kind == "events" for file in files) or any(map(is_url, options.input)):
        return settings, 0
    before = count_rows(database, "raw")
    ids = kinds_of(logs)
    texts = {"label"} | {part for part in ("user", "item") if getattr(ids, part) == TEXT}
    kinds = [pa.string() if name in texts else pa.int64() for name in EVENT]
    events = rebuild_events(_rows(kept), settings["reward_window"], rewards_in(settings))
    while chunk := list(islice(events, REBUILT_ROWS)):
        columns = [
            pa.array(values, kind)
            for values, kind in zip(zip(*chunk, strict=True), kinds, strict=True)
        ]
        database.register("rebuilt", pa.table(columns, names=EVENT))
        database.execute(f"INSERT INTO raw SELECT *, {NO_FEATURES} FROM rebuilt").fetchall()  # noqa: S608
        database.unregister("rebuilt")
    return settings, count_rows(database, "raw") - before


def _rows(log: Path) -> Iterator[FeedbackRow]:
    file = pq.ParquetFile(log)
    columns = [name for name in (*FeedbackRow._fields, PLAIN) if name in file.schema_arrow.names]
    for batch in file.iter_batches(FEEDBACK_ROWS, columns=columns):
        yield from rows_of(batch.to_pydict())
