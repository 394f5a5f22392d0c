"""The options of `python -m pipelines.simulate`."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NoReturn

from simulation.files import STDOUT, SUFFIXES, is_parquet
from simulation.model import DEFAULT_RATE, DEFAULT_START
from transforms.events import TIME_LIMIT


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


def _add_output(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--output",
        type=_output,
        default="rivulet-stream.csv",
        metavar="FILE",
        help=f"{', '.join(SUFFIXES)}, or {STDOUT} for CSV on standard output; %(default)s",
    )
    group.add_argument(
        "--no_header", action="store_true", help="CSV without user,item,behavior,time on top"
    )
    group.add_argument(
        "--truth",
        metavar="DIR",
        help="also write the users' tastes, the items' vectors and all counts there; not written",
    )


def _add_size(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--events", type=_count, default=200_000, help="different events; 200000")
    group.add_argument("--users", type=_count, default=20_000, help="ids 1 to USERS; 20000")
    group.add_argument("--items", type=_count, default=1_000, help="ids 1 to ITEMS; 1000")
    group.add_argument("--clusters", type=_count, default=10, help="clusters of tastes; 10")
    group.add_argument(
        "--rate",
        type=_positive,
        default=DEFAULT_RATE,
        help=f"events per second of event time, which sets the span; {DEFAULT_RATE:g}",
    )
    group.add_argument(
        "--start",
        type=_time,
        default=DEFAULT_START,
        metavar="TIME",
        help="ISO 8601, UTC unless it says otherwise; "
        f"{datetime.fromtimestamp(DEFAULT_START, UTC):%Y-%m-%dT%H:%M:%SZ}",
    )
    group.add_argument("--seed", type=_seed, default=0, help="of all that is random; 0")
    group.add_argument(
        "--world_seed",
        type=_seed,
        metavar="SEED",
        help="of the users' tastes and the items, to have other clicks of the same users; --seed's",
    )


def _add_flaws(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--out_of_orderness",
        type=_seconds,
        default=5.0,
        metavar="SECONDS",
        help="by how much events arrive out of order at most; 5 s",
    )
    group.add_argument(
        "--malformed",
        type=_fraction,
        default=0.0,
        metavar="FRACTION",
        help="malformed lines besides the events, as a fraction of these; 0",
    )
    group.add_argument(
        "--duplicates",
        type=_fraction,
        default=0.0,
        metavar="FRACTION",
        help="events that come a second time within --out_of_orderness, as a fraction; 0",
    )
    group.add_argument(
        "--late",
        type=_fraction,
        default=0.0,
        metavar="FRACTION",
        help="events that come late, as a fraction; 0",
    )
    group.add_argument(
        "--late_by",
        type=_seconds,
        default=120.0,
        metavar="SECONDS",
        help="the largest time seen is ahead of a late event by so much, up to twice that; 120 s",
    )


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


def _output(text: str) -> str:
    if text != STDOUT and not text.endswith(SUFFIXES):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not {STDOUT} and does not end in {', '.join(SUFFIXES)}"
        )
    return text
