"""Values of a TOML file, checked: an error is one line with the key and what to write."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from typing import Any

from sources.errors import SourceError

_LARGEST = 1 << 1023
"""Whole numbers beyond it have no float."""


def known(table: Mapping[str, Any], keys: Sequence[str], where: str, prefix: str) -> None:
    """Refuses keys that are none of `keys`, with the nearest of them."""
    for key in table:
        if key not in keys:
            near = difflib.get_close_matches(key, keys, 1, 0.5)
            hint = f"; did you mean '{prefix}{near[0]}'?" if near else f": one of {', '.join(keys)}"
            raise SourceError(f"{where}: unknown key '{prefix}{key}'{hint}")


def subtable(found: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    """The table of a key; empty where it is not given."""
    table = found.get(key, {})
    if not isinstance(table, Mapping):
        raise SourceError(f"{where}: {key} is a table: write [{key}]")
    return table


def of_type(
    table: Mapping[str, Any], key: str, kind: type[Any], default: Any, where: str, prefix: str = ""
) -> Any:
    """A key's value, which must be of a type."""
    value = table.get(key, default)
    if value is not default and not isinstance(value, kind):
        named = {str: "a text in quotes", bool: "true or false"}[kind]
        raise SourceError(f"{where}: {prefix}{key} must be {named}")
    return value


def choice(
    table: Mapping[str, Any], key: str, choices: Sequence[str], where: str, prefix: str = ""
) -> str | None:
    """A key's value, which must be one of the choices; None where it is not given."""
    value = table.get(key)
    if key in table and value not in choices:
        raise SourceError(f"{where}: {prefix}{key} = {value!r}: give one of {', '.join(choices)}")
    return value


def texts(given: Any, key: str, where: str) -> tuple[str, ...]:
    """A list of texts."""
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise SourceError(f"{where}: {key} must be a text in quotes, or a list of them")
    return tuple(given)


def is_number(value: Any) -> bool:
    """Whether a value is a number that a float can hold; NaN is none."""
    if isinstance(value, float):
        return not math.isnan(value)
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST
