"""Proposes a schema for rows that were looked at: guesses by the names and by the values."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import pyarrow as pa

from sources.parsing.layout import BEHAVIOR_LIKE
from sources.parsing.lines import whole_number
from sources.schema.guess_times import are_clocks, are_dates, guess_clock, guess_format, other_order
from sources.schema.schema import TimeFormat
from sources.schema.times import read_times
from transforms.messages.behaviors import BEHAVIORS

_USERS = (
    "user", "userid", "uid", "visitorid", "visitor", "customerid", "customer", "domainuserid",
    "userpseudoid", "clientid", "anonymousid", "reviewerid", "sessionid", "session",
)  # fmt: skip
_ITEMS = (
    "item", "itemid", "productid", "product", "parentasin", "asin", "movieid", "stockcode", "sku",
    "appid", "articleid", "trackid", "songid", "artistid", "bookid", "newsid",
)  # fmt: skip
_TIMES = (
    "time", "timestamp", "eventtime", "eventtimestamp", "datetime", "ts", "createdat",
    "derivedtstamp", "invoicedate", "date", "eventdate",
)  # fmt: skip
_BEHAVIORS = ("behavior", "label", *(name.replace("_", "") for name in BEHAVIOR_LIKE), "type")
_RATINGS = ("rating", "stars", "score")
_QUANTITIES = ("quantity", "qty", "units", "unitssold")
_ORDERS = (
    *_QUANTITIES, "invoiceno", "invoice", "invoiceid", "orderid", "orderno", "ordernumber",
    "transactionid", "unitprice",
)  # fmt: skip
"""Columns of a log of orders, whose rows are purchases where none says what they are."""
_MEANINGS = (
    ("ignore", r"remov|delet|cancel|refund|return"),
    ("fav", r"wish|fav|like|save|bookmark|^collect"),
    ("cart", r"cart|basket|bag|added|^add"),
    ("buy", r"purchas|transact|buy|bought|order|paid|pay|checkout|sale|conver"),
    ("pv", r"view|click|pv|visit|detail|impress|play|read|open|show|browse"),
)
_NEGATIVE = re.compile(r"-(?=[0-9.]*[1-9])[0-9]{1,18}(\.[0-9]*)?")
_EMPTY = ("NA", "N/A", "NULL", "null", "None", "nan")
"""Words that stand for no value."""
_MOST_WORDS = 50
_MOST_TRIED = 50
_DELIMITERS = (",", ";", "\t", "|", "::")


@dataclass(frozen=True)
class Sample:
    """Rows of an input.

    Attributes:
        format: `csv`, `jsonl` or `parquet`.
        columns: each column's or path's values as texts, None where one is missing.
        delimiter: of CSV.
        header: whether the first line of CSV named the columns.
    """

    format: str
    columns: dict[str, list[str | None]]
    delimiter: str = ","
    header: bool = True


def guess_delimiter(lines: Sequence[str]) -> str:
    """The delimiter that splits the lines into the most fields, the same number in each."""
    best, most = ",", 0
    for sign in _DELIMITERS:
        counts = Counter(line.count(sign) for line in lines)
        fields, rows = counts.most_common(1)[0] if counts else (0, 0)
        if rows >= 0.8 * len(lines) and fields > most:
            best, most = sign, fields
    return best


def propose(sample: Sample) -> str:
    """A schema for a sample, as TOML; what could not be guessed is `FILL_IN`."""
    taken: set[str] = set()
    taken |= {name for name, values in sample.columns.items() if are_clocks(values)}
    time = _pick(sample, _TIMES, taken) or _by_value(sample, taken)
    clock = _clock_of(sample, time, taken)
    user = _pick(sample, _USERS, taken) or _first_number(sample, taken)
    item = _pick(sample, _ITEMS, taken) or _first_number(sample, taken)
    behavior = _pick(sample, _BEHAVIORS, taken)
    rating = None if behavior else _pick(sample, _RATINGS, taken)
    out = [f"format = {_quoted(sample.format)}"]
    if sample.format == "csv":
        if sample.delimiter != ",":
            out.append(f"delimiter = {_quoted(sample.delimiter)}")
        if not sample.header:
            out += ["header = false", f"columns = [{', '.join(map(_quoted, sample.columns))}]"]
    out += ["[fields]"]
    named = {"user": user, "item": item}
    out += [f"{part} = {_quoted(name or 'FILL_IN')}" for part, name in named.items()]
    form = guess_format(sample.columns[time]) if time else "s"
    if clock:
        out.append(f"time = [{_quoted(str(time))}, {_quoted(clock[0])}]")
    else:
        out.append(f"time = {_quoted(time or 'FILL_IN')}")
    out += _behavior(sample, behavior or rating)
    if time and (other := other_order(sample.columns[time], form)):
        out.append(f"# The days fit {other!r} as well as {form!r}: look which of the two is right.")
    if clock:
        out += ["[time]", f"format = [{_quoted(form)}, {_quoted(clock[1])}]"]
    elif form != "s":
        out += ["[time]", f"format = {_quoted(form)}"]
    kinds = {part: _kind(sample, named[part]) for part in ("user", "item")}
    if "text" in kinds.values():
        out += ["[ids]", *(f'{part} = "{kind}"' for part, kind in kinds.items())]
    if rating:
        out += ["[behaviors]", 'thresholds = [[4.5, "buy"], [4, "fav"], [3.5, "cart"], [0, "pv"]]']
    elif behavior:
        out += _words(sample.columns[behavior])
    return "\n".join([*out, *_returns(sample)]) + "\n"


def missing_parts(text: str) -> list[str]:
    """The parts of an event that a proposal has no column for."""
    return [part for part in ("user", "item", "time") if f'\n{part} = "FILL_IN"\n' in text]


def _behavior(sample: Sample, name: str | None) -> list[str]:
    """The line of the behavior; without a column what is assumed, and how to say otherwise."""
    if name:
        return [f"behavior = {_quoted(name)}"]
    orders = next((each for each in sample.columns if _simple(each) in _ORDERS), None)
    if orders is None:
        return [
            "# No column looks like a behavior: every row is read as a view (pv). Where all are",
            '# purchases: behavior = { constant = "buy" }',
        ]
    return [
        f"# No column looks like a behavior. The column {_comment(orders)} looks like a log of",
        "# orders: every row is read as a purchase. Without the next line all are views (pv).",
        'behavior = { constant = "buy" }',
    ]


def _returns(sample: Sample) -> list[str]:
    """The rule that leaves out rows of negative quantities; nothing where there are none."""
    for name, values in sample.columns.items():
        negative = (value and _NEGATIVE.fullmatch(value.strip()) for value in values)
        if _simple(name) in _QUANTITIES and any(negative):
            return [
                "# Rows of a negative quantity look like returns: they are left out.",
                "[[ignore]]",
                f"field = {_quoted(name)}",
                "below = 0",
            ]
    return []


def _clock_of(sample: Sample, time: str | None, taken: set[str]) -> tuple[str, str] | None:
    """The column and the format of the times of the day that belong to a column of dates."""
    if time is None or not are_dates(sample.columns[time]):
        return None
    for name, values in sample.columns.items():
        if name != time and (form := guess_clock(_simple(name), values)):
            taken.add(name)
            return name, form
    return None


def _comment(name: str) -> str:
    """A column's name as a part of a comment, in one line."""
    return _quoted(name)[:80]


def _words(values: Sequence[str | None]) -> list[str]:
    words = Counter(value.strip() for value in values if value is not None)
    if set(words) <= set(BEHAVIORS) and None not in values:
        return []
    lines = ["[behaviors]"]
    for word, _ in words.most_common(_MOST_WORDS):
        meaning = guess_meaning(word)
        unsure = "" if meaning else "  # not known: pv, cart, fav, buy or ignore?"
        lines.append(f"{_quoted(word)} = {_quoted(meaning or 'ignore')}{unsure}")
    if len(words) > _MOST_WORDS or None in values:
        lines.append('"*" = "ignore"')
    return lines


def guess_meaning(word: str) -> str | None:
    """The behavior that a shop's word most likely means; None for no guess."""
    if word in BEHAVIORS:
        return word
    for meaning, pattern in _MEANINGS:
        if re.search(pattern, word.lower()):
            return meaning
    return None


def _simple(name: str) -> str:
    last = name.split(".")[-1]
    return "".join(sign for sign in last.lower() if sign.isalnum())


def _pick(sample: Sample, candidates: Sequence[str], taken: set[str]) -> str | None:
    """The column with the first of the names that is there and filled, mostly if there is one."""
    for least in (0.5, 0.0):
        for candidate in candidates:
            for name, values in sample.columns.items():
                if name in taken or _simple(name) != candidate:
                    continue
                filled = sum(1 for value in values if value and value not in _EMPTY)
                if filled and filled >= least * len(values):
                    taken.add(name)
                    return name
    return None


def _by_value(sample: Sample, taken: set[str]) -> str | None:
    """A column whose values look like times."""
    for name, values in sample.columns.items():
        # Some of the values: each format is tried on each, in each column.
        texts = list(islice(filter(None, values), _MOST_TRIED))
        if name in taken or not texts:
            continue
        form = guess_format(texts)
        seconds, valid = read_times([pa.array(texts, pa.string())], TimeFormat((form,)))
        if ((seconds > 10**8) & valid).mean() > 0.8 and (seconds < 10**10).all():
            taken.add(name)
            return name
    return None


def _first_number(sample: Sample, taken: set[str]) -> str | None:
    for name, values in sample.columns.items():
        texts = [value for value in values if value]
        if name not in taken and texts and all(whole_number(text) is not None for text in texts):
            taken.add(name)
            return name
    return None


def _kind(sample: Sample, name: str | None) -> str:
    texts = [value for value in sample.columns.get(name or "", []) if value]
    return "integer" if all(whole_number(text) is not None for text in texts) else "text"


def _quoted(text: str) -> str:
    # TOML has no DEL as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
