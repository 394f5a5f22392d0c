"""The settings of `python -m pipelines.simulate`, and the simulation's defaults.

This module imports neither NumPy nor Arrow, so that the command's help is fast.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from rivulet.configuration import Configuration
from rivulet.settings import option
from simulation.effects import Effects

STDOUT = "-"
SUFFIXES = (".csv", ".csv.gz", ".parquet")
DEFAULT_RATE = 500.0
"""Events per second of event time."""
DEFAULT_START = 1_767_603_600
"""2026-01-05 09:00:00 UTC."""
EXPLORATION = 0.2
LIST_SIZE = 8
LIST_PERIOD = 20


def is_parquet(output: str) -> bool:
    """Whether an output's name is that of a Parquet file, which cannot hold malformed lines."""
    return output.endswith(".parquet")


def _time(text: str) -> int:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an ISO 8601 time such as 2026-01-05T09:00:00Z") from None
    seconds = int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())
    if seconds < 0:
        raise ValueError(f"{text!r} is before 1970")
    return seconds


def _output(text: str) -> str:
    if text != STDOUT and not text.endswith(SUFFIXES) and not text.startswith("kafka://"):
        raise ValueError(f"{text!r} is not {STDOUT} and does not end in {', '.join(SUFFIXES)}")
    return text


@dataclass(frozen=True)
class OutputSettings:
    """Output.

    Attributes:
        output: file of the stream, .csv, .csv.gz or .parquet; - for CSV on standard output; with
            --respond a .csv file or kafka://HOST:PORT/TOPIC.
        no_header: write CSV without the header user,item,behavior,time.
        truth: folder for the latent vectors of users and items, and all counts of the stream.
    """

    output: str = option("rivulet-stream.csv", "FILE", parse=_output)
    no_header: bool = option(False)
    truth: str | None = option(None, "DIR", shown="not written")


@dataclass(frozen=True)
class StreamSettings:
    """Size of the stream.

    Attributes:
        events: number of distinct events.
        users: number of users; their ids are 1 to USERS.
        items: number of items; their ids are 1 to ITEMS.
        clusters: number of clusters of users and items.
        rate: events per second of event time.
        start: time of the first events, ISO 8601; UTC unless it has an offset.
        seed: seed of all random numbers.
        world_seed: seed of users and items alone, for another stream of the same users.
    """

    events: int = option(200_000, "EVENTS", least=1)
    users: int = option(20_000, "USERS", least=1)
    items: int = option(1_000, "ITEMS", least=1)
    clusters: int = option(10, "CLUSTERS", least=1)
    rate: float = option(DEFAULT_RATE, "EVENTS", above=0)
    start: int = option(DEFAULT_START, "TIME", parse=_time, shown="2026-01-05T09:00:00Z")
    seed: int = option(0, "SEED", least=0)
    world_seed: int | None = option(None, "SEED", least=0, shown="--seed")

    def problems(self) -> Iterator[str]:
        """Errors in the values, one line each."""
        from transforms.messages.events import TIME_LIMIT

        if self.start + 2 * self.events / self.rate > TIME_LIMIT:
            yield "--start is too late: the stream would last beyond the year 9999"


@dataclass(frozen=True)
class FlawSettings:
    """Flaws, as fractions of --events.

    Attributes:
        out_of_orderness: maximum time by which events arrive out of order, in seconds.
        malformed: malformed lines, in addition to the events.
        duplicates: events that occur twice, the second time within --out_of_orderness.
        future: events whose time is in the years 2099 to 9999, in addition to the events.
        late: late events.
        late_by: minimum lateness of late events, in seconds; the maximum is twice as much.
    """

    out_of_orderness: float = option(5.0, "SECONDS", least=0)
    malformed: float = option(0.0, "FRACTION", least=0, most=1)
    duplicates: float = option(0.0, "FRACTION", least=0, most=1)
    future: float = option(0.0, "FRACTION", least=0, most=1)
    late: float = option(0.0, "FRACTION", least=0, most=1)
    late_by: float = option(120.0, "SECONDS", least=0)

    def problems(self) -> Iterator[str]:
        """Errors in the values, one line each."""
        if self.late and self.late_by <= self.out_of_orderness:
            yield "--late_by must be more than --out_of_orderness"


@dataclass(frozen=True)
class FeedbackLogSettings:
    """Feedback log.

    Attributes:
        feedback: folder for a feedback log of lists that a biased policy shows to the users.
        exploration: fraction of the policy's places that are filled uniformly at random.
        list_size: items in a list.
        list_period: time between two lists of an active user, in seconds of event time.
    """

    feedback: str | None = option(None, "DIR", shown="not written")
    exploration: float = option(EXPLORATION, "FRACTION", least=0, most=1)
    list_size: int = option(LIST_SIZE, "N", least=1)
    list_period: int = option(LIST_PERIOD, "SECONDS", least=1)


def _source(text: str) -> str:
    if "://" not in text:
        raise ValueError(
            f"{text!r} is not a URL of a store or of the API, such as sqlite:///rivulet.db or "
            "http://127.0.0.1:8000"
        )
    return text


def _events(text: str) -> str:
    if not text.endswith(".csv") and not text.startswith("kafka://"):
        raise ValueError(f"{text!r} is not a .csv file or kafka://HOST:PORT/TOPIC")
    return text


@dataclass(frozen=True)
class RespondSettings:
    """Users that see lists.

    Attributes:
        respond: the store or API whose lists the users see: a URL that python -m serving accepts
            as --store, or http://HOST:PORT of the API.
        respond_token: the API's token; ${NAME} is replaced from the environment.
        respond_age: oldest list that a user still sees, in seconds of event time.
        respond_timeout: time that one query may take, in seconds.
        impressions: where to write which lists were seen: a .csv file or kafka://HOST:PORT/TOPIC.
        speed: seconds of event time per second.
    """

    respond: str | None = option(None, "URL", parse=_source, shown="users see no lists")
    respond_token: str | None = option(None, "TOKEN", secret=True, shown="none")
    respond_age: int = option(60, "SECONDS", least=1)
    respond_timeout: float = option(10.0, "SECONDS", above=0, most=600)
    impressions: str | None = option(None, "FILE|URL", parse=_events, shown="not written")
    speed: float | None = option(None, "X", above=0, shown="no limit")


CONCERNS = (
    OutputSettings,
    StreamSettings,
    FlawSettings,
    FeedbackLogSettings,
    RespondSettings,
    Effects,
)
"""All settings classes of the command."""


def problems(chosen: Configuration) -> Iterator[str]:
    """Options that contradict each other, one line each."""
    respond = chosen[RespondSettings].respond
    if is_parquet(chosen[OutputSettings].output):
        for name in ("malformed", "future"):
            if getattr(chosen[FlawSettings], name):
                yield f"--{name} requires CSV: the columns of Parquet are typed"
    changed = [name for name in chosen.changed(FeedbackLogSettings) if name != "--feedback"]
    shared = ("--list_size", "--list_period") if respond else ()
    changed = [name for name in changed if name not in shared]
    if changed and not chosen[FeedbackLogSettings].feedback:
        other = " or --respond" if changed[0] in ("--list_size", "--list_period") else ""
        yield f"{changed[0]} has an effect only with --feedback{other}"
    if respond:
        yield from _respond_problems(chosen)
    elif alone := chosen.changed(RespondSettings, Effects):
        yield f"{alone[0]} has an effect only with --respond"
    elif chosen[OutputSettings].output.startswith("kafka://"):
        yield "--output to Kafka requires --respond: pipelines.replay sends a file to Kafka"


def _respond_problems(chosen: Configuration) -> Iterator[str]:
    output, lists = chosen[OutputSettings], chosen[FeedbackLogSettings]
    for name in chosen.changed(FlawSettings):
        yield f"{name} has no effect with --respond: its events are in order and without flaws"
    for name in ("truth", "feedback"):
        if getattr(output if name == "truth" else lists, name):
            yield f"--{name} has no effect with --respond"
    try:
        _events(output.output)
    except ValueError as error:
        yield f"--output: with --respond, {error}"
    if output.no_header and not output.output.endswith(".csv"):
        yield "--no_header has an effect only on files"
    if not chosen[Effects].attention:
        yield "--respond has an effect only with --attention: users look at no list"
    given = chosen[RespondSettings]
    if given.respond_token and not str(given.respond).startswith(("http://", "https://")):
        yield "--respond_token has an effect only with the URL of an API"
    if lists.list_period < 4:
        yield "--list_period must be at least 4 with --respond: a user reacts within the period"
