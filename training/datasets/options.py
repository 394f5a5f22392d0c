"""The options of `python -m training.prepare`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from rivulet.settings import option


@dataclass(frozen=True)
class PrepareSettings:
    """Inputs and output.

    Attributes:
        input: files, folders or globs: event files (CSV, gzipped CSV, Parquet), Tianchi's
            user.csv, item.csv and user_behavior.csv, or feedback logs (Parquet); stores of the
            job's records (sqlite:///FILE, mysql://, postgresql://, mongodb://, with ${NAME} for
            secrets from the environment); kafka://HOST:PORT/TOPIC, up to its end at the start.
        output: folder to write.
        columns: names of the columns of headerless event files, such as
            user,item,category,behavior,time.
        schema: how the fields of the event files map to events: a TOML file, or the name of a
            preset; also JSON lines are read then.
        items: the catalogue, whose column category is the items' side feature: a file (CSV with a
            header, or Parquet), or kafka://HOST:PORT/TOPIC.
        most_categories: categories to keep, at most: those with the most items.
        age_buckets: ascending ages in years at which a new bucket begins; bucket 0 is below the
            first.
        reward_window: seconds after a recommendation in which an event earned its reward, for
            feedback logs that do not say it themselves.
        max_line: bytes of a line of a text file; a longer one is malformed.
        most_items: most items of a list or a history in a feedback log; a longer one is an error.
        memory: memory that DuckDB uses before it spills to disk, such as 500MB.
    """

    input: tuple[str, ...] = option(metavar="PATH|URL", several=True, secret=True)
    output: Path = option(metavar="DATA")
    columns: tuple[str, ...] = option((), "NAME,..", separated=True)
    schema: str | None = option(None, "FILE|PRESET", shown="the columns have an event's names")
    items: str | None = option(None, "URL", shown="the events' own categories")
    most_categories: int = option(10_000, "N", least=1)
    age_buckets: tuple[int, ...] = option(
        (18, 25, 30, 35, 40, 50, 60), "YEARS,..", least=0, separated=True
    )
    reward_window: int | None = option(
        None, "SECONDS", least=1, shown="what the log says, else 600"
    )
    max_line: int = option(1 << 20, "BYTES", least=4_096, most=1 << 24)
    most_items: int = option(1_000, "ITEMS", least=1)
    memory: str = option("4GB", "SIZE")

    def problems(self) -> Iterator[str]:
        """What is wrong with the values together."""
        files = [each for each in self.input if "://" not in each]
        topics = [each for each in self.input if each.lower().startswith("kafka://")]
        if self.columns and not files:
            yield "--columns names the columns of files; there is none among the inputs"
        if self.schema and not (files or topics):
            yield "--schema is for files and topics; a store has the job's own columns"
        if self.schema and self.columns:
            yield "--columns has no effect with --schema: give columns in the schema"
        if sorted(set(self.age_buckets)) != list(self.age_buckets):
            yield f"--age_buckets: {','.join(map(str, self.age_buckets))} is not ascending"


@dataclass(frozen=True)
class EventFilters:
    """Filters by numbers of events. Without them every user, item and event is kept.

    Attributes:
        min_item_events: leave out items with fewer different events.
        min_user_events: leave out users with fewer different events.
        max_user_events: leave out users with more different events.
    """

    min_item_events: int | None = option(None, "EVENTS", least=1, shown="every item is kept")
    min_user_events: int | None = option(None, "EVENTS", least=1, shown="every user is kept")
    max_user_events: int | None = option(None, "EVENTS", least=1, shown="every user is kept")

    def problems(self) -> Iterator[str]:
        """A range of numbers that is empty."""
        least, most = self.min_user_events, self.max_user_events
        if least is not None and most is not None and least > most:
            yield f"--min_user_events {least} and --max_user_events {most} leave no user"


@dataclass(frozen=True)
class UserSample:
    """Sample of users.

    Attributes:
        sample_users: keep a seeded sample of two groups of users by their number of events; all
            others are left out. Without it every user is kept.
        short_min: least events of a user of the first group.
        short_max: most events of a user of the first group.
        short_users: users sampled from the first group, at most.
        long_min: least events of a user of the second group.
        long_max: most events of a user of the second group.
        long_users: users sampled from the second group, at most.
        seed: seed of the sample.
    """

    sample_users: bool = option(False)
    short_min: int = option(6, "EVENTS", least=0)
    short_max: int = option(50, "EVENTS", least=0)
    short_users: int = option(60_000, "USERS", least=0)
    long_min: int = option(51, "EVENTS", least=0)
    long_max: int = option(200, "EVENTS", least=0)
    long_users: int = option(20_000, "USERS", least=0)
    seed: int = option(0, "N", least=0)

    def problems(self) -> Iterator[str]:
        """Options of a sample where none is taken."""
        for field in fields(self):
            if not self.sample_users and getattr(self, field.name) != field.default:
                yield f"--{field.name} is of a sample of users; give --sample_users too"
