"""What the events of all inputs have: the kinds of their ids, and ids of their own."""

from __future__ import annotations

from collections.abc import Sequence

from rivulet.urls import public_name
from sinks.records import PLAIN, RecordColumns
from sources.schema.schema import Schema
from training.datasets.ids import kinds_of
from training.datasets.raw_files import RawFile, RawLogError
from training.datasets.stored_events import columns_of_store, is_topic
from transforms.messages.id_kinds import IdKinds


def common_kinds(
    files: Sequence[RawFile], urls: Sequence[str], schema: Schema | None
) -> RecordColumns:
    """What the events of the inputs have, the same in each.

    Args:
        files: event files, Tianchi's side tables and feedback logs.
        urls: stores and topics.
        schema: how the fields of files and topics map to events; None for the project's own.

    Raises:
        RawLogError: two inputs have ids of different kinds, or events with ids of their own and
            events without.
        UserError: a store cannot be read.
    """
    of_schema = PLAIN
    if schema is not None:
        kinds = IdKinds(schema.ids.user, schema.ids.item)
        of_schema = RecordColumns(kinds, schema.fields.event_id is not None)
    inputs: list[tuple[str, RecordColumns]] = []
    logs: list[tuple[str, IdKinds]] = []
    for file in files:
        if file.kind == "feedback":
            logs.append((str(file.path), kinds_of([file.path])))
        else:
            inputs.append((str(file.path), of_schema))
    inputs += [
        (public_name(url), of_schema if is_topic(url) else columns_of_store(url)) for url in urls
    ]
    first, found = inputs[0] if inputs else (logs[0][0], RecordColumns(logs[0][1]))
    for name, ids in [*((name, each.ids) for name, each in inputs), *logs]:
        if ids != found.ids:
            raise RawLogError(
                f"the ids of {first} and of {name} are of different kinds ({found.ids}; {ids}): "
                "a --schema says with [ids] what the ids of files and topics are"
            )
    for name, each in inputs:
        if each.event_id != found.event_id:
            has, lacks = (first, name) if found.event_id else (name, first)
            raise RawLogError(
                f"the events of {has} have ids of their own (fields.event_id) and those of {lacks} "
                "have none: an event of both would count twice; prepare them apart"
            )
    return found
