"""A schema from its TOML file, or from one of the presets.

Every key is checked. An error is one line that names the file, the key and what to write.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from sources.errors import SourceError
from sources.schema.schema import (
    CLOCK,
    EACH,
    FORMATS,
    IGNORE,
    ISO,
    OTHER_WORDS,
    TIME_UNITS,
    Behaviors,
    Fields,
    Ids,
    IgnoreRule,
    Schema,
    TimeFormat,
)
from sources.schema.time_formats import is_zone, problem_of, whole_pattern
from sources.schema.toml_values import choice, is_number, known, of_type, subtable, texts
from transforms.messages.behaviors import BEHAVIORS, USUAL_REWARDS, is_reward

_KEYS = (
    "format", "delimiter", "header", "columns", "fields", "time", "ids", "behaviors", "rewards",
    "ignore",
)  # fmt: skip
_FIELDS = ("user", "item", "time", "behavior", "value", "event_id", "category")
_TESTS = ("below", "above", "equals", "missing")
_LARGEST = 1 << 20


def preset_names() -> list[str]:
    """The presets, by name."""
    folder = resources.files("sources.schema") / "presets"
    return sorted(each.name.removesuffix(".toml") for each in folder.iterdir())


def load_schema(chosen: str) -> Schema:
    """The schema that `--schema` names.

    Args:
        chosen: the path of a TOML file, or the name of a preset.

    Raises:
        SourceError: there is no such file or preset, or it is wrong.
    """
    return parse_schema(schema_text(chosen), chosen)


def topic_schema(chosen: str) -> Schema:
    """The schema of a topic's values; arguments and errors as of `load_schema`.

    Raises:
        SourceError: the schema cannot be used for values, too.
    """
    schema = load_schema(chosen)
    if schema.format == "parquet":
        raise SourceError(f'--schema {chosen}: format = "parquet" is for files, not for Kafka')
    if schema.format == "csv" and not schema.columns:
        raise SourceError(
            f"--schema {chosen}: values of CSV in a topic have no header: give header = false and "
            "columns, a list of their names"
        )
    if schema.columns:
        missing = [name for name in schema.wanted() if name not in schema.columns]
        if missing and schema.format == "csv":
            raise SourceError(f"--schema {chosen}: columns has no '{missing[0]}'")
    return schema


def schema_text(chosen: str) -> str:
    """The TOML text that `--schema` names.

    Raises:
        SourceError: there is no such file or preset, or it cannot be read.
    """
    if chosen in preset_names():
        preset = resources.files("sources.schema") / "presets" / f"{chosen}.toml"
        return preset.read_text(encoding="utf-8")
    path = Path(chosen)
    try:
        if path.is_file() and path.stat().st_size <= _LARGEST:
            return path.read_text(encoding="utf-8-sig")
        if path.exists():
            raise SourceError(f"--schema {chosen} is no file of at most {_LARGEST} bytes")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"--schema {chosen} cannot be read: {error}") from error
    near = difflib.get_close_matches(chosen, preset_names(), 1)
    did_you_mean = f"; did you mean '{near[0]}'?" if near else ""
    raise SourceError(
        f"--schema {chosen}: there is no such file, and no such preset{did_you_mean} "
        f"(presets: {', '.join(preset_names())})"
    )


def parse_schema(text: str, name: str) -> Schema:
    """The schema of a TOML text.

    Args:
        text: the TOML.
        name: where it comes from, for messages.

    Raises:
        SourceError: it is not TOML, or not a schema.
    """
    where = f"--schema {name}"
    try:
        found = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # Also a number of thousands of digits.
        raise SourceError(f"{where} is not TOML: {error}") from error
    known(found, _KEYS, where, "")
    fields = _fields(subtable(found, "fields", where), where)
    behaviors = _behaviors(subtable(found, "behaviors", where), where)
    if behaviors != Behaviors() and fields.behavior is None:
        raise SourceError(f"{where}: [behaviors] has no effect without fields.behavior")
    kind = choice(found, "format", FORMATS, where)
    columns = texts(found.get("columns", []), "columns", where)
    header = of_type(found, "header", bool, not columns, where)
    if columns and header:
        raise SourceError(f"{where}: columns is for files without a header: give header = false")
    if not header and not columns and kind in (None, "csv"):
        raise SourceError(f"{where}: header = false needs columns, a list of the columns' names")
    for key in ("delimiter", "header", "columns"):
        if key in found and kind in ("jsonl", "parquet"):
            raise SourceError(f'{where}: {key} has no effect with format = "{kind}"')
    delimiter = of_type(found, "delimiter", str, ",", where)
    if not delimiter or any(sign in delimiter for sign in '\r\n"'):
        raise SourceError(f"{where}: delimiter is empty, or holds a quote or a line end")
    ids = subtable(found, "ids", where)
    known(ids, ("user", "item"), where, "ids.")
    kinds = ("integer", "text")
    schema = Schema(
        name=name,
        fields=fields,
        format=kind,
        delimiter=delimiter,
        header=header,
        columns=columns,
        time=_time(subtable(found, "time", where), len(fields.time), where),
        ids=Ids(*(choice(ids, part, kinds, where, "ids.") or kinds[0] for part in ids_parts())),
        behaviors=behaviors,
        ignore=_rules(found.get("ignore", []), where),
        rewards=_rewards(subtable(found, "rewards", where), where),
    )
    lists = {path[: path.rindex(EACH)] for path in schema.wanted() if EACH in path}
    if len(lists) > 1 and kind != "csv":
        raise SourceError(
            f"{where}: the paths with [] are of several lists ({', '.join(sorted(lists))[:200]}): "
            "one list can give an event for each element"
        )
    return schema


def ids_parts() -> tuple[str, str]:
    """The parts of an event that are ids."""
    return ("user", "item")


def _fields(table: Mapping[str, Any], where: str) -> Fields:
    known(table, _FIELDS, where, "fields.")
    for key in ("user", "item", "time"):
        if key not in table:
            raise SourceError(f'{where}: fields.{key} is missing: give it, as {key} = "COLUMN"')
    value, event_id, category = (
        of_type(table, key, str, None, where, "fields.")
        for key in ("value", "event_id", "category")
    )
    user, item = (of_type(table, key, str, "", where, "fields.") for key in ids_parts())
    time = table["time"]
    times = texts([time] if isinstance(time, str) else time, "fields.time", where)
    behavior = table.get("behavior")
    if isinstance(behavior, Mapping):
        known(behavior, ("constant",), where, "fields.behavior.")
        constant = choice(behavior, "constant", BEHAVIORS, where, "fields.behavior.")
        if constant is None:
            raise SourceError(f'{where}: fields.behavior has no constant, as {{constant = "buy"}}')
        behavior = None
    else:
        constant = "pv"
        behavior = of_type(table, "behavior", str, None, where, "fields.")
    if not times or not all((user, item, *times)) or "" in (behavior, value, event_id, category):
        raise SourceError(f"{where}: a name in [fields] is empty")
    return Fields(user, item, times, behavior, constant, value, event_id, category)


def _time(table: Mapping[str, Any], columns: int, where: str) -> TimeFormat:
    known(table, ("format", "zone"), where, "time.")
    given = table.get("format", "s")
    given = texts([given] if isinstance(given, str) else given, "time.format", where)
    formats = tuple(map(whole_pattern, given))
    if len(formats) != columns:
        raise SourceError(
            f"{where}: time.format has {len(formats)} formats for the {columns} columns of "
            "fields.time: give a list of as many"
        )
    names = (*TIME_UNITS, ISO, CLOCK)
    for each in formats:
        if each not in names and "%" not in each:
            near = difflib.get_close_matches(each, names, 1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise SourceError(
                f"{where}: time.format '{each}' is none of {', '.join(names)} and no strptime "
                f"pattern such as %Y-%m-%d{hint}"
            )
        problem = problem_of(each) if each not in names else None
        if problem:
            raise SourceError(f"{where}: time.format '{each}' is no strptime pattern: {problem}")
    zone = of_type(table, "zone", str, "UTC", where, "time.")
    if not is_zone(zone):
        raise SourceError(f"{where}: time.zone '{zone[:80]}' is no zone, as Europe/Berlin")
    return TimeFormat(formats, zone, is_assumed="format" not in table)


def _behaviors(table: Mapping[str, Any], where: str) -> Behaviors:
    meanings = (*BEHAVIORS, IGNORE)
    words = {key: value for key, value in table.items() if key != "thresholds"}
    for word in words:
        choice(words, word, meanings, where, "behaviors.")
    other = words.pop(OTHER_WORDS, None)
    given = table.get("thresholds", [])
    if given and (words or other):
        raise SourceError(f"{where}: behaviors.thresholds is instead of words: remove one of them")
    pairs = []
    for pair in given if isinstance(given, list) else [given]:
        if not (isinstance(pair, list) and len(pair) == 2 and is_number(pair[0])):
            raise SourceError(
                f'{where}: behaviors.thresholds is a list of pairs, as [[4.5, "buy"], [0, "pv"]]'
            )
        choice({"thresholds": pair[1]}, "thresholds", meanings, where, "behaviors.")
        pairs.append((float(pair[0]), pair[1]))
    if pairs != sorted(pairs, key=lambda pair: -pair[0]):
        raise SourceError(f"{where}: behaviors.thresholds must begin with the largest number")
    return Behaviors(tuple(words.items()), other, tuple(pairs))


def _rewards(table: Mapping[str, Any], where: str) -> tuple[float, ...] | None:
    known(table, BEHAVIORS, where, "rewards.")
    for key, value in table.items():
        if not is_reward(value):
            raise SourceError(f"{where}: rewards.{key} must be a number of at least 0")
    if not table:
        return None
    usual = zip(BEHAVIORS, USUAL_REWARDS, strict=True)
    return tuple(float(table.get(name, reward)) for name, reward in usual)


def _rules(given: Any, where: str) -> tuple[IgnoreRule, ...]:
    rules = []
    if not isinstance(given, list) or not all(isinstance(each, Mapping) for each in given):
        raise SourceError(f"{where}: ignore is a list of tables: write [[ignore]]")
    for table in given:
        known(table, ("field", *_TESTS), where, "ignore.")
        tests = [test for test in _TESTS if test in table]
        field = of_type(table, "field", str, "", where, "ignore.")
        if not field or len(tests) != 1:
            raise SourceError(f"{where}: an [[ignore]] has field and one of {', '.join(_TESTS)}")
        value = table[tests[0]]
        if tests[0] in ("below", "above"):
            if not is_number(value):
                raise SourceError(f"{where}: ignore.{tests[0]} must be a number")
            value = float(value)
        elif tests[0] == "missing" and value is not True:
            raise SourceError(f"{where}: ignore.missing can only be true")
        elif not isinstance(value, str | bool | int | float):
            raise SourceError(f"{where}: ignore.equals must be a text")
        if tests[0] == "equals":
            # JSON's true and false, too, are compared as texts.
            value = str(value).lower() if isinstance(value, bool) else str(value)
        rules.append(IgnoreRule(field, tests[0], value))
    return tuple(rules)
