"""From what a store holds to the API's rows, with every value checked.

Stores are shared with other programs, so a row may be of any form. A row that no job writes is
left out: it neither fails the request nor makes the store count as down.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import orjson

from serving.schemas import Id, is_id_text
from serving.schemas.popular import PopularItem, PopularWindow
from serving.schemas.users import Event, Recommendation
from serving.stores.base import Worker
from transforms.messages.id_kinds import TEXT, IdKinds
from transforms.messages.job import JobSettings

T = TypeVar("T")
_LOG = logging.getLogger("rivulet.serving")
_MAX_DIGITS = 20
_SHOWN = 80


class MalformedRowError(ValueError):
    """A row is not of the form that a job writes."""


class Rows:
    """Makes rows and leaves out malformed ones; each kind is logged once.

    Args:
        store: the store's name, for the log.
    """

    def __init__(self, store: str) -> None:
        self._store = store
        self._logged: set[str] = set()

    def valid(self, make: Callable[[Any], T], found: Iterable[Any]) -> list[T]:
        """The rows that can be made.

        Args:
            make: makes a row; raises MalformedRowError if it cannot.
            found: what the store holds.
        """
        made = []
        for row in found:
            try:
                made.append(make(row))
            except MalformedRowError as error:
                self.log(_name(make), error)
        return made

    def one(self, make: Callable[[Any], T], found: Any) -> T | None:
        """A single row; None if it is malformed."""
        return next(iter(self.valid(make, [found])), None)

    def log(self, kind: str, error: MalformedRowError) -> None:
        """Logs the first malformed row of a kind."""
        if kind not in self._logged:
            self._logged.add(kind)
            _LOG.warning("%s has a malformed %s, which is left out: %s", self._store, kind, error)


def _name(make: Callable[[Any], Any]) -> str:
    return str(getattr(make, "func", make).__name__)


def whole(value: Any) -> int:
    """A 64-bit integer, also from decimal text.

    Raises:
        MalformedRowError: it is none.
    """
    if isinstance(value, str) and value.isascii() and len(value) <= _MAX_DIGITS:
        digits = value.removeprefix("-")
        value = int(value) if digits.isdigit() else value
    if not isinstance(value, int) or isinstance(value, bool) or not -(2**63) <= value < 2**63:
        raise MalformedRowError(f"{str(value)[:_SHOWN]!r} is no 64-bit integer")
    return int(value)


def id_text(value: Any) -> str:
    """An id that is text.

    Raises:
        MalformedRowError: it is none.
    """
    if not isinstance(value, str) or not is_id_text(value):
        raise MalformedRowError(f"{str(value)[:_SHOWN]!r} is no id that is text")
    return value


def real(value: Any) -> float:
    """A finite number.

    Raises:
        MalformedRowError: it is none.
    """
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise MalformedRowError(f"{str(value)[:_SHOWN]!r} is no finite number")
    return number


def text(value: Any) -> str:
    """A text.

    Raises:
        MalformedRowError: it is none.
    """
    if not isinstance(value, str):
        raise MalformedRowError(f"{str(value)[:_SHOWN]!r} is no text")
    return value


def from_json(value: Any) -> Any:
    """A JSON column's value: some drivers return its text, others the decoded value.

    Raises:
        MalformedRowError: it is no JSON.
    """
    if not isinstance(value, str | bytes):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise MalformedRowError(f"{str(value)[:_SHOWN]!r} is no JSON") from error


def each(make: Callable[[Any], T], values: Any) -> list[T]:
    """A list of values.

    Raises:
        MalformedRowError: it is no list, or has another value.
    """
    if not isinstance(values, list | tuple):
        raise MalformedRowError(f"{str(values)[:_SHOWN]!r} is no list")
    return [make(value) for value in values]


class IdRows:
    """Makes the rows that have ids, which are integers or text.

    Args:
        ids: the kinds of the store's ids.
    """

    def __init__(self, ids: IdKinds) -> None:
        self.user: Callable[[Any], Id] = id_text if ids.user == TEXT else whole
        self.item: Callable[[Any], Id] = id_text if ids.item == TEXT else whole

    def popular_window(self, row: tuple[Any, Sequence[tuple[Any, Any, Any]]]) -> PopularWindow:
        """A window from its end and (rank, item, count) of each item."""
        end, places = row
        items = [
            PopularItem(whole(rank), self.item(item), whole(count)) for rank, item, count in places
        ]
        return PopularWindow(whole(end), items)

    def recommendation(self, row: Sequence[Any]) -> Recommendation:
        """A recommendation from time, items, policy, propensities and last reward.

        The items and the propensities may be JSON text; all but time and items may be None.
        """
        time, items, policy, propensities, last_reward = row
        return Recommendation(
            whole(time),
            each(self.item, from_json(items)),
            None if policy is None else text(policy),
            None if propensities is None else each(real, from_json(propensities)),
            None if last_reward is None else whole(last_reward),
        )

    def event(self, row: Sequence[Any]) -> Event:
        """An event from item, behavior and time; the behavior may be None."""
        item, behavior, time = row
        return Event(self.item(item), None if behavior is None else text(behavior), whole(time))


def worker(row: Sequence[Any]) -> Worker:
    """A worker from run, time of its report and counters, which may be JSON text."""
    run, updated_at, counts = row
    counts = from_json(counts)
    if not isinstance(counts, Mapping):
        raise MalformedRowError(f"{str(counts)[:_SHOWN]!r} are no counters")
    return Worker(
        whole(run),
        real(updated_at),
        {str(name): whole(value) for name, value in counts.items() if isinstance(value, int)},
    )


def job_settings(row: tuple[Any, Any]) -> JobSettings:
    """A job's settings from its run and its settings, which may be JSON text."""
    run, settings = row
    try:
        return JobSettings.of(whole(run), settings)
    except ValueError as error:
        raise MalformedRowError(str(error)) from error
