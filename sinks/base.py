"""The contract of a store: what a new kind of store has to implement.

A `StoreSource` names a store; it travels with the pipeline. On a worker it opens a `Store`, which
writes messages in bulk. Batching, retries, dead letters and metrics are those of
`sinks.write.WriteTo`, the same for every store. `docs/sinks.md` shows a store in a file of its own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from rivulet.errors import UserError
from rivulet.limits import MAX_FUTURE
from transforms.messages.id_kinds import IdKinds
from transforms.messages.record_fields import RecordFields

if TYPE_CHECKING:
    import pyarrow as pa

    from sinks.records import RecordColumns


class SinkError(UserError, ValueError):
    """A store cannot be used as it was asked for: one line that says why and what to do."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that a store refused for good.

    Attributes:
        table: table, collection or key that the row was for.
        row: the row's values by name.
        why: the store's error message, without secrets.
        time: the row's time in seconds since the epoch.
    """

    table: str
    row: Mapping[str, Any]
    why: str
    time: int


@dataclass(frozen=True, slots=True)
class WorkerCounts:
    """What a worker process of a job has done so far, for the web page.

    Attributes:
        run: start of the job, in milliseconds since the epoch.
        worker: a unique name of the process.
        updated_at: seconds since the epoch by the worker's clock.
        counts: the values of `transforms.progress.ProgressCounters`.
    """

    run: int
    worker: str
    updated_at: float
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """Limits of what stores keep.

    Attributes:
        consumed_max: distinct items of a user in MongoDB's `userConsumed`; the earliest are kept.
        max_future: seconds after the clock up to which a stored time is valid. Values with later
            times are replaced.
        retention: seconds of event time for which rows are kept; 0 for ever.
    """

    consumed_max: int = 100_000
    max_future: int = MAX_FUTURE
    retention: int = 0


DEFAULT_LIMITS = StoreLimits()

Write = Callable[[Any], Sequence[Refusal]]
"""Writes one message and returns the rows that were refused."""


class Store(ABC):
    """An open connection, or a pool of connections, to one store.

    Methods may be called from several threads at once.

    Attributes:
        name: the store's URL without secrets.
    """

    name: str

    @abstractmethod
    def prepare(self) -> None:
        """Creates the tables and indexes that are missing, and checks those that exist.

        Several workers may call it at once, and call it again.

        Raises:
            SinkError: what exists cannot hold the rows.
        """

    @abstractmethod
    def writer(self, message_type: type[Any]) -> Write:
        """The function that writes messages of a type that the source accepts.

        Writing the same message again, or messages in another order, must end in the same rows.
        The function writes all rows but the refused ones and returns the refusals. It raises an
        error for which `is_outage` is true while the store does not answer; the message is then
        written again as a whole.

        Raises:
            SinkError: the store does not accept the type.
        """

    @abstractmethod
    def is_outage(self, error: BaseException) -> bool:
        """Whether the store is expected to recover from `error`, so that the write is retried.

        An error that would come back each time, such as a wrong password, is not an outage.
        """

    def remove_future(self, latest: int, dry_run: bool) -> Mapping[str, int]:
        """Removes what has a time after `latest`, in seconds since the epoch.

        Args:
            latest: the latest valid time.
            dry_run: count, and change nothing.

        Returns:
            How many rows, by table, collection or kind of key.

        Raises:
            SinkError: this kind of store cannot be repaired.
        """
        raise SinkError(f"{self.name}: this kind of store cannot be repaired")

    def remove_before(self, time: int) -> int:
        """Removes what has a time before `time`, in bounded pieces; returns how many rows.

        A store whose values expire by themselves removes nothing here.

        Args:
            time: seconds since the epoch.

        Raises:
            SinkError: this kind of store cannot do it.
        """
        raise SinkError(f"{self.name}: this kind of store cannot remove what is old")

    def remove_user(self, ids: Sequence[int | str], dry_run: bool) -> Mapping[str, int]:
        """Removes all that is of one user.

        Args:
            ids: the values that stand for the user, an integer or a text or both.
            dry_run: count, and change nothing.

        Returns:
            How many rows, by table, collection or kind of key.

        Raises:
            SinkError: this kind of store cannot do it.
        """
        raise SinkError(f"{self.name}: this kind of store cannot remove a user")

    def record_columns(self) -> RecordColumns:
        """What the events of `read_records` have.

        Raises:
            SinkError: this kind of store keeps no events.
        """
        raise SinkError(self._no_records)

    def read_records(self) -> Iterator[pa.Table]:
        """The events that the store keeps, in bulk.

        Yields:
            Columns as of `sinks.records.RecordColumns`; each event once.

        Raises:
            SinkError: this kind of store keeps no events.
        """
        raise SinkError(self._no_records)

    @property
    def _no_records(self) -> str:
        return (
            f"{self.name} keeps no events with their times: name the SQL or MongoDB store of the "
            "records"
        )

    @abstractmethod
    def close(self) -> None:
        """Closes the connections."""


class StoreSource(ABC):
    """How a worker opens a store.

    Sources are hashable and can be pickled. Sources that are equal open the same store.

    Attributes:
        serves_online: a web server reads recommendations from this store while they are fresh, so
            that they are written here first.
        batch_rows: rows that the store takes in one round trip. A serving store gets frames of
            this size, so that no user waits for more rows than that.
    """

    serves_online: ClassVar[bool] = False
    batch_rows: ClassVar[int] = 5_000

    @property
    @abstractmethod
    def name(self) -> str:
        """The store's URL without secrets."""

    @property
    def retention(self) -> int:
        """Seconds of event time for which the store keeps rows; 0 for ever."""
        return 0

    @abstractmethod
    def accepts(self, message_type: type[Any]) -> bool:
        """Whether the store has a place for messages of this type.

        The types are frames (EventBatch, PopularRows, Recommendations, PolicyMinutes,
        EventMinutes), JobSettings, WorkerCounts and CatalogueItems.
        """

    def limited(self, limits: StoreLimits) -> StoreSource:
        """The same source with other limits; sources without limits return themselves."""
        del limits
        return self

    def with_ids(self, ids: IdKinds) -> StoreSource:
        """The same source for ids of these kinds; all sources take integers.

        Raises:
            SinkError: this kind of store has no place for ids that are text.
        """
        if ids.any_text:
            raise SinkError(
                f"{self.name}: this kind of store takes ids that are integers; where ids are text, "
                "take a SQL database, mongodb:// or redis://"
            )
        return self

    def with_fields(self, fields: RecordFields) -> StoreSource:
        """The same source for records with further fields; without a place for them, itself."""
        del fields
        return self

    @abstractmethod
    def open(self) -> Store:
        """Opens a store with connections of its own."""

    def tidy(self) -> None:  # noqa: B027  Most stores have nothing to do.
        """Removes what workers left beside the store, after the job's end; most leave nothing."""
