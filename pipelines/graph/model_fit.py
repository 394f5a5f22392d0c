"""Whether the models know the items of the input (`--min_known`), decided before a job starts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from inference import packaged_model
from inference.models.choices import parse_models
from inference.models.current import current_directory
from inference.models.files import MODEL_BYTES, ModelError, read_file
from pipelines.graph.job_graph import JobGraph
from pipelines.options import ModelSettings
from sources.files.plan import plan
from sources.files.ranges import FileLimits, read_range
from sources.options import InputSettings, is_file_input, split_columns
from sources.parsing.kafka_values import parse_values
from transforms.columns.names import hash_texts
from transforms.messages.events import Int64s
from transforms.messages.id_kinds import TEXT

LOOKED_AT = 100_000
"""Events of the input that are looked at: the first of files, the newest of a topic."""

SAMPLE_SHARE = 0.9
"""The model that comes with Rivulet ranks where so many of the input's items are the sample's."""


def unfit_models(job: JobGraph) -> tuple[int, ...]:
    """The places of the models in `--model` that are not used, with a line on stderr for each.

    A model is used if of its items, or of the different items of the input's first events if these
    are fewer, a share of `--min_known` occurs there; or, in the same way, in the catalogue. Where
    there is no event to look at, it is used.
    """
    settings = job.settings[ModelSettings]
    if settings.model == ("none",) or not settings.min_known:
        return ()
    seen = np.unique(items_of(job.settings[InputSettings]))
    try:
        choices = parse_models(settings.model or [str(packaged_model())])
    except ValueError as error:
        raise ModelError(f"--model: {error}") from error
    found = []
    for place, choice in enumerate(choices):
        known = _item_ids(current_directory(choice.directory), job.ids.item)
        if not len(seen) or not len(known):
            continue
        shared = int(np.isin(seen, known).sum())
        name = choice.name or choice.directory.name
        if not settings.model:
            name, fits = "that comes with Rivulet", shared >= SAMPLE_SHARE * len(seen)
        else:
            fits = _share(shared, seen, known) >= settings.min_known
        if not fits and settings.model and (catalogue := job.catalogue_items) is not None:
            both = int(np.isin(catalogue, known).sum())
            fits = _share(both, catalogue, known) >= settings.min_known
        if not fits:
            found.append(place)
            print(
                f"the model {name} is not used, and its users get popular items: it knows {shared} "
                f"of the {len(seen)} different items of the input's first events (--model names "
                "another one, --min_known sets the limit)",
                file=sys.stderr,
            )
    return tuple(found)


def items_of(chosen: InputSettings) -> Int64s:
    """The items of the input's first events: int64 [n], at most about LOOKED_AT.

    Raises:
        SourceError: the input cannot be read.
    """
    parts, count = [np.empty(0, np.int64)], 0
    for items in _batches(chosen):
        parts.append(items)
        count += len(items)
        if count >= LOOKED_AT:
            break
    return np.concatenate(parts)


def _batches(chosen: InputSettings) -> Iterator[Int64s]:
    schema = chosen.read_schema()
    if is_file_input(chosen.input or ""):
        columns = split_columns(chosen.columns) if chosen.columns else None
        limits = FileLimits(chosen.max_future, chosen.max_line, chosen.max_malformed)
        for piece in plan(chosen.input or "", columns, schema=schema):
            for block in read_range(piece, limits):
                yield block.events.item
        return
    from sources.errors import SourceError
    from sources.schema.sample import topic_values

    try:
        values = topic_values(chosen.input or "", LOOKED_AT)
    except SourceError:
        return  # A stream waits for its topic and its brokers.
    yield parse_values(values, chosen.max_line, schema).events.item


def _share(shared: int, seen: Int64s, known: Int64s) -> float:
    return shared / max(1, min(len(seen), len(known)))


def _item_ids(directory: Path, kind: str) -> Int64s:
    """The items of a model as the job has them, without PyTorch; none where it has no such ids.

    Args:
        directory: the model directory.
        kind: of the job's items, INTEGER or TEXT.
    """
    try:
        rows = json.loads(read_file(directory / "item_map.json", directory, MODEL_BYTES))
        if kind == TEXT:
            return hash_texts(pa.array(list(rows), pa.string()))
        return np.array([int(text) for text in rows], np.int64)
    except (OSError, ValueError, OverflowError, ModelError):
        return np.empty(0, np.int64)
