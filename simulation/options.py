"""The options of `python -m pipelines.simulate`."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NoReturn

from simulation.behaviour import EXPLORATION
from simulation.files import STDOUT, SUFFIXES, is_parquet
from simulation.model import DEFAULT_RATE, DEFAULT_START
from transforms.messages.events import TIME_LIMIT


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def parser(description: str) -> argparse.ArgumentParser:
    """The command's parser; its `error` is one line and exit status 2."""
    command = _Parser(
        prog="python -m pipelines.simulate",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_output(command.add_argument_group("where to"))
    _add_size(command.add_argument_group("how much"))
    _add_flaws(command.add_argument_group("what a pipeline must cope with"))
    return command


def check(options: argparse.Namespace) -> None:
    """Refuses options that do not go together.

    Raises:
        ValueError: says which, and what to do.
    """
    if options.malformed and is_parquet(options.output):
        raise ValueError("--malformed needs CSV: Parquet's columns are typed")
    if options.late and options.late_by <= options.out_of_orderness:
        raise ValueError("--late_by must be more than --out_of_orderness")
    if options.start + 2 * options.events / options.rate > TIME_LIMIT:
        raise ValueError("--start is too late: the stream would last beyond the year 9999")


def _add(
    group: argparse._ArgumentGroup,
    name: str,
    kind: Callable[[str], object],
    default: object,
    text: str,
    metavar: str | None = None,
    shown: str = "%(default)s",
) -> None:
    group.add_argument(
        name, type=kind, default=default, metavar=metavar, help=f"{text} (default: {shown})"
    )


def _add_output(group: argparse._ArgumentGroup) -> None:
    names = f"{', '.join(SUFFIXES)}, or {STDOUT} for CSV on standard output"
    _add(group, "--output", _output, "rivulet-stream.csv", names, "FILE")
    group.add_argument(
        "--no_header", action="store_true", help="CSV without user,item,behavior,time on top"
    )
    truth = "also write the users' tastes, the items' vectors and all counts there"
    _add(group, "--truth", str, None, truth, "DIR", "they are not written")
    shown = "also write lists that a biased policy showed these users and what they earned: a "
    shown += "feedback log to learn from"
    _add(group, "--feedback", str, None, shown, "DIR", "it is not written")
    chance = "share of these lists that is left to chance"
    _add(group, "--exploration", _fraction, EXPLORATION, chance, "FRACTION", "%(default)g")


def _add_size(group: argparse._ArgumentGroup) -> None:
    _add(group, "--events", _count, 200_000, "how many different events")
    _add(group, "--users", _count, 20_000, "how many users; ids 1 to USERS")
    _add(group, "--items", _count, 1_000, "how many items; ids 1 to ITEMS")
    _add(group, "--clusters", _count, 10, "how many clusters of tastes and items")
    rate = "events per second of event time, which sets the span"
    _add(group, "--rate", _positive, DEFAULT_RATE, rate, shown="%(default)g")
    start = "time of the first events, ISO 8601, UTC unless it says otherwise"
    _add(group, "--start", _time, DEFAULT_START, start, "TIME", _iso(DEFAULT_START))
    _add(group, "--seed", _seed, 0, "of all that is random")
    other = "of the users' tastes and the items, to have other clicks of the same users"
    _add(group, "--world_seed", _seed, None, other, "SEED", "--seed")


def _add_flaws(group: argparse._ArgumentGroup) -> None:
    order = "by how much events arrive out of order at most"
    _add(group, "--out_of_orderness", _seconds, 5.0, order, "SECONDS", "%(default)g s")
    malformed = "malformed lines besides the events, as a fraction of these"
    _add(group, "--malformed", _fraction, 0.0, malformed, "FRACTION", "%(default)g")
    duplicates = "events that come a second time, within --out_of_orderness, as a fraction"
    _add(group, "--duplicates", _fraction, 0.0, duplicates, "FRACTION", "%(default)g")
    _add(group, "--late", _fraction, 0.0, "late events, as a fraction", "FRACTION", "%(default)g")
    by = "the largest time seen is ahead of a late event by this to twice this"
    _add(group, "--late_by", _seconds, 120.0, by, "SECONDS", "%(default)g s")


def _number(text: str, wanted: str, holds: Callable[[float], bool]) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and holds(number)):
        raise argparse.ArgumentTypeError(f"{text!r} is not {wanted}")
    return number


def _positive(text: str) -> float:
    return _number(text, "a number above 0", lambda number: number > 0)


def _seconds(text: str) -> float:
    return _number(text, "a number of seconds, 0 or more", lambda number: number >= 0)


def _fraction(text: str) -> float:
    return _number(text, "a fraction from 0 to 1", lambda number: 0 <= number <= 1)


def _whole(text: str, least: int) -> int:
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, {least} or more")
    return number


def _count(text: str) -> int:
    return _whole(text, 1)


def _seed(text: str) -> int:
    return _whole(text, 0)


def _time(text: str) -> int:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not an ISO 8601 time such as 2026-01-05T09:00:00Z"
        ) from None
    seconds = int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())
    if seconds < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is before 1970")
    return seconds


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _output(text: str) -> str:
    if text != STDOUT and not text.endswith(SUFFIXES):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not {STDOUT} and does not end in {', '.join(SUFFIXES)}"
        )
    return text
