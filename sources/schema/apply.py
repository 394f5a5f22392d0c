"""Columns to events, as a schema says: the meaning of a row, on whole columns.

A row is left out (`ignored`), or an event, or malformed. Rules of `[[ignore]]` and behaviors that
mean `ignore` decide first, so that a line that is left out is never malformed.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sources.parsing.compact_dates import are_dates
from sources.parsing.lines import BEHAVIOR_CODES
from sources.parsing.malformed import CODES, NO_ROWS, Bools, MalformedRows, ParsedRows
from sources.schema.columns import floats, given, plain, texts
from sources.schema.details import read_details
from sources.schema.ids import read_ids
from sources.schema.schema import IGNORE, TIME_UNITS, Behaviors, IgnoreRule, Schema
from sources.schema.times import is_clock, read_times
from transforms.columns.id_names import IdNames
from transforms.messages.behaviors import BEHAVIORS
from transforms.messages.dead_letters import (
    ID_COLLISION,
    NOT_A_NUMBER,
    NOT_A_TIME,
    NOT_AN_ID,
    TIME_RANGE,
    TOO_FEW,
    UNKNOWN_BEHAVIOR,
)
from transforms.messages.events import TIME_LIMIT, EventBatch
from transforms.messages.id_kinds import TEXT

_UNKNOWN, _LEFT_OUT = -1, -2

_OWN_NAMES = Behaviors(tuple((name, name) for name in BEHAVIORS))


def apply_schema(columns: Mapping[str, pa.Array], schema: Schema) -> ParsedRows:
    """The events of some rows.

    Args:
        columns: an array [n] for each of `schema.wanted()`.
        schema: what they mean.
    """
    fields = schema.fields
    user = read_ids(columns[fields.user], schema.ids.user)
    item = read_ids(columns[fields.item], schema.ids.item)
    ids_valid = user.valid & item.valid
    time, time_valid = read_times([columns[name] for name in fields.time], schema.time)
    if fields.behavior is None:
        code = np.full(len(time), BEHAVIOR_CODES[fields.constant], np.int8)
    else:
        code = behavior_codes(columns[fields.behavior], schema.behaviors)
    left_out = code == _LEFT_OUT
    for rule in schema.ignore:
        left_out |= matches(columns[rule.field], rule)
    in_range = time_valid & (time >= 0) & (time < TIME_LIMIT)
    if schema.time.is_assumed and not is_clock(columns[fields.time[0]].type):
        in_range &= ~are_dates(time)
    collides = user.collides | item.collides
    good = ids_valid & ~collides & in_range & (code >= 0) & ~left_out
    details, value_valid = read_details(columns, schema, len(time))
    batch = EventBatch(user.id, item.id, code, time).detailed(details)
    if user.names is not None or item.names is not None:
        batch = batch.named(IdNames(user.names, item.names))
    if value_valid is not None:
        good &= value_valid
    if good.all():
        return ParsedRows.of(batch, NO_ROWS)
    bad = np.flatnonzero(~good & ~left_out)
    required = (fields.user, fields.item, *fields.time)
    missing = ~np.logical_and.reduce([given(columns[name]) for name in required])
    words_of_time = any(form not in TIME_UNITS for form in schema.time.formats)
    not_ids = [
        ~column.valid[bad] & (kind == TEXT)
        for column, kind in ((user, schema.ids.user), (item, schema.ids.item))
    ]
    reason = np.select(
        (
            missing[bad],
            not_ids[0] | not_ids[1],
            ~ids_valid[bad],
            ~time_valid[bad],
            ~in_range[bad],
            (code < 0)[bad],
        ),
        (
            CODES[TOO_FEW],
            CODES[NOT_AN_ID],
            CODES[NOT_A_NUMBER],
            CODES[NOT_A_TIME if words_of_time else NOT_A_NUMBER],
            CODES[TIME_RANGE],
            CODES[UNKNOWN_BEHAVIOR],
        ),
        CODES[ID_COLLISION],
    ).astype(np.int8)
    if value_valid is not None:
        others = ids_valid & ~collides & in_range & (code >= 0)
        reason[others[bad]] = CODES[NOT_A_NUMBER]
    malformed = MalformedRows(bad, reason, np.where(in_range[bad], time[bad], -1))
    return ParsedRows(batch.take(good), np.flatnonzero(good), malformed, int(left_out.sum()))


def behavior_codes(column: pa.Array, behaviors: Behaviors) -> npt.NDArray[np.int8]:
    """The codes of a column's behaviors.

    Returns:
        int8 [n], -1 for an unknown word or number, -2 for one that means `ignore`.
    """
    if behaviors.thresholds:
        values, valid = floats(column)
        code = np.full(len(values), _UNKNOWN, np.int8)
        for least, meaning in reversed(behaviors.thresholds):
            code[valid & (values >= least)] = _code(meaning)
        return code
    if behaviors == Behaviors():
        behaviors = _OWN_NAMES
    if not pa.types.is_dictionary(column.type):
        column = texts(column).dictionary_encode()
    codes = {word: _code(meaning) for word, meaning in behaviors.words}
    other = _UNKNOWN if behaviors.other is None else _code(behaviors.other)
    words = texts(column.dictionary).to_pylist()
    table = [other if word is None else codes.get(word.strip(), other) for word in words]
    # The last place is that of rows without a word.
    indices = column.indices.fill_null(len(table)).to_numpy()
    found: npt.NDArray[np.int8] = np.array([*table, other], np.int8)[indices]
    return found


def _code(meaning: str) -> int:
    return _LEFT_OUT if meaning == IGNORE else BEHAVIOR_CODES[meaning]


def matches(column: pa.Array, rule: IgnoreRule) -> Bools:
    """Which rows a rule leaves out, bool [n]."""
    if rule.test in ("below", "above"):
        values, valid = floats(column)
        limit = float(rule.value)
        return valid & ((values < limit) if rule.test == "below" else (values > limit))
    words = texts(plain(column))
    if rule.test == "missing":
        found = pc.equal(pc.utf8_trim_whitespace(words), "").fill_null(True)
    else:
        found = pc.equal(words, str(rule.value)).fill_null(False)
    result: Bools = found.to_numpy(zero_copy_only=False)
    return result
