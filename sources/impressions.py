"""Impressions: which lists users saw, and when (spec section 5).

A row is `user,T,time`: the user saw the list of the ranking time T at `time`. It is read as an
event is, with T in the place of the item: `ReadImpressions` gives `EventBatch`es whose `item` is T.
"""

from __future__ import annotations

from sources.errors import SourceError
from sources.options import InputSettings, KafkaSettings, is_file_input
from sources.read import ReadEvents
from sources.schema.schema import Fields, Ids, Schema
from transforms.progress import SHARED_PROGRESS, ProgressCounters

COLUMNS = ("user", "T", "time")
PREFIX = "impression_"
"""Stands before the names of the counters of impressions."""


class ReadImpressions(ReadEvents):
    """Reads the impressions of files (CSV with a header, JSON lines) or of a topic.

    Counts as `ReadEvents` does, with `PREFIX` before the names.

    Args:
        url: where the impressions are: files, or kafka://HOST:PORT/TOPIC.
        events: the settings of the events, whose users these are.
        kafka: how a topic is read.
        progress: the job's counters.

    Raises:
        SourceError: they cannot be read, or are a topic where the events are files, or files
            where the events are a topic.
    """

    def __init__(
        self,
        url: str,
        events: InputSettings,
        kafka: KafkaSettings | None = None,
        progress: ProgressCounters = SHARED_PROGRESS,
    ) -> None:
        files = is_file_input(url)
        if files != is_file_input(events.input or ""):
            wanted = "a topic" if files else "files"
            raise SourceError(f"--impressions must be {wanted}, as --input is")
        chosen = InputSettings(
            input=url,
            max_future=events.max_future,
            max_line=events.max_line,
            max_malformed=events.max_malformed,
        )
        own = events.read_schema()
        users = own.ids.user if own is not None else "integer"
        schema = Schema(
            "impressions",
            Fields(user="user", item="T", time=("time",)),
            # A topic's values of CSV have no header.
            columns=() if files else COLUMNS,
            ids=Ids(user=users),
        )
        self.progress = progress.prefixed(PREFIX)
        try:
            super().__init__(chosen, kafka, self.progress, schema)
        except SourceError as error:
            text = str(error).removeprefix("--input ")
            text = text.replace("which --schema impressions names", "which impressions have")
            raise SourceError(f"--impressions: {text}") from error
