"""A schema as a value: which fields are what, and what their values mean."""

from __future__ import annotations

from dataclasses import dataclass, field

FORMATS = ("csv", "jsonl", "parquet")
EACH = "[]"
"""What follows a path's name whose list has an event for each element."""

TIME_UNITS = {"s": 1_000_000, "ms": 1_000, "us": 1}
"""Microseconds of the time formats that are numbers."""

ISO = "iso"
CLOCK = "clock"
"""The format of times of the day, also with AM or PM."""
IGNORE = "ignore"
"""What stands for a behavior whose lines are left out."""

OTHER_WORDS = "*"
"""The word of `[behaviors]` that stands for all words that it does not name."""


@dataclass(frozen=True)
class Fields:
    """Which column, or path into JSON, holds which part of an event.

    Attributes:
        user: the user's id.
        item: the item's id.
        time: the columns whose values are added up to the time.
        behavior: the behavior's word or number; None for none.
        constant: the behavior of all events, where no column has it.
        value: a number that is kept with the event; None for none.
        event_id: what tells apart events that are equal otherwise; None for none.
        category: the item's category, a side feature of data sets; None for none. Jobs do not
            read it.
    """

    user: str
    item: str
    time: tuple[str, ...]
    behavior: str | None = None
    constant: str = "pv"
    value: str | None = None
    event_id: str | None = None
    category: str | None = None


@dataclass(frozen=True)
class TimeFormat:
    """How times are written.

    Attributes:
        formats: for each column of `Fields.time`: `s`, `ms`, `us`, `iso`, `clock` or a strptime
            pattern.
        zone: the zone of texts that name none.
        is_assumed: whether the schema names no format: then a number that is a date without
            separators, such as 20251009, is not taken for seconds.
    """

    formats: tuple[str, ...] = ("s",)
    zone: str = "UTC"
    is_assumed: bool = False


@dataclass(frozen=True)
class Behaviors:
    """What a behavior's value means.

    Attributes:
        words: pairs of a word and a behavior, or `ignore`.
        other: what all other words mean; None: they are malformed.
        thresholds: pairs of a number and a behavior; a value means the first whose number it
            reaches. Instead of words.
    """

    words: tuple[tuple[str, str], ...] = ()
    other: str | None = None
    thresholds: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True)
class IgnoreRule:
    """Lines to leave out.

    Attributes:
        field: the column, or the path, that decides.
        test: `below`, `above`, `equals` or `missing`.
        value: what the field is compared with; not used by `missing`.
    """

    field: str
    test: str
    value: float | str = ""


@dataclass(frozen=True)
class Ids:
    """The kinds of ids: `integer` or `text`."""

    user: str = "integer"
    item: str = "integer"


@dataclass(frozen=True)
class Schema:
    """How a shop's own events map to Rivulet's.

    Attributes:
        name: the file or the preset that it comes from, for messages.
        fields: which field is what.
        format: `csv`, `jsonl` or `parquet`; None: the content decides.
        delimiter: what separates the fields of a CSV line.
        header: whether a CSV file's first line names the columns.
        columns: the columns' names of a CSV file without a header.
        time: how times are written.
        ids: the kinds of ids.
        behaviors: what the behavior's values mean.
        ignore: which lines to leave out.
        rewards: what a behavior earns, by its code; None: the usual rewards.
        registry: the schema registry of a topic's Avro values, a URL; None where there is none.
    """

    name: str
    fields: Fields
    format: str | None = None
    delimiter: str = ","
    header: bool = True
    columns: tuple[str, ...] = ()
    time: TimeFormat = TimeFormat()
    ids: Ids = Ids()
    behaviors: Behaviors = Behaviors()
    ignore: tuple[IgnoreRule, ...] = ()
    rewards: tuple[float, ...] | None = None
    registry: str | None = field(default=None, repr=False)

    def text_ids(self) -> tuple[str, ...]:
        """The columns or paths of ids that are texts."""
        pairs = ((self.fields.user, self.ids.user), (self.fields.item, self.ids.item))
        return tuple(name for name, kind in pairs if kind == "text")

    def wanted(self) -> tuple[str, ...]:
        """The columns or paths that are read, each once."""
        fields = self.fields
        given = (fields.behavior, fields.value, fields.event_id)
        others = (name for name in given if name is not None)
        rules = (rule.field for rule in self.ignore)
        return tuple(dict.fromkeys((fields.user, fields.item, *fields.time, *others, *rules)))
