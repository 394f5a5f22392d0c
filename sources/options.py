"""The settings of the input: where the events are, and how a topic is read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rivulet.limits import MAX_FUTURE
from rivulet.settings import option
from rivulet.urls import with_secrets
from sources.errors import SourceError
from sources.kafka.url import SECURITY
from sources.parsing.layout import EXAMPLE, Layout

if TYPE_CHECKING:
    from sources.schema.schema import Schema
    from transforms.messages.record_fields import RecordFields

KAFKA_SCHEME = "kafka://"


NOT_A_REGISTRY = "--schema_registry must be http://HOST:PORT or https://HOST"
"""What is said of another URL."""


def is_file_input(url: str) -> bool:
    """Whether the input is files (bounded, never late), not Kafka."""
    return not url.lower().startswith(KAFKA_SCHEME)


def is_registry_url(url: str) -> bool:
    """Whether a URL may be a schema registry's."""
    return url.lower().startswith(("http://", "https://"))


def split_columns(text: str) -> list[str]:
    """The names in `--columns`."""
    return [name.strip() for name in text.split(",")]


@dataclass(frozen=True)
class InputSettings:
    """Where the events come from.

    Attributes:
        input: the click-stream: a file or a glob on any of Beam's filesystems (CSV, CSV gzipped,
            Parquet), or kafka://HOST:PORT[,HOST:PORT]/TOPIC.
        schema: how the fields of the input map to events: a TOML file, or the name of a preset
            such as retailrocket or movielens. `python -m pipelines.inspect` proposes one.
        history: files whose events come before those of a topic, in the formats of --input. The
            topic is then read from shortly before their last event, and events that are in both
            count once. The files are read twice: for the last event, at the start, and by the job.
        history_schema: the schema of the files of --history.
        schema_registry: the schema registry of a topic's Avro or Protobuf values, http://HOST:PORT
            or https://; '${NAME}' in it takes a secret from the environment. --schema names the
            values' fields.
        columns: the columns of CSV files without a header, separated by commas, for example
            'user,item,category,behavior,time'; user, item and time (seconds since the epoch) are
            required, names other than these and behavior are ignored.
        max_future: an event that is further ahead of the clock when it is read is a dead letter
            with reason 'future': it is not recorded and does not advance the watermark. In a
            topic whose brokers set the records' timestamps (LogAppendTime) these are the clock.
            In seconds.
        max_line: a longer line or Kafka value is a dead letter with reason 'too long', of which
            the beginning is kept; in bytes.
        max_malformed: input of which a larger share is malformed ends the job with status 1. It
            is checked after the first 1,000 lines and at the end of a bounded input; 1 turns
            this off.
    """

    input: str | None = option(None, "URL", shown="the sample that comes with Rivulet")
    columns: str | None = option(None, "NAMES", shown="the first line names them")
    max_future: int = option(MAX_FUTURE, "SECONDS", least=0)
    max_line: int = option(1 << 20, "BYTES", least=1)
    max_malformed: float = option(0.5, "SHARE", least=0, most=1)
    schema: str | None = option(None, "FILE|PRESET", shown="the columns have an event's names")
    history: tuple[str, ...] = option((), "FILE", shown="none", several=True)
    history_schema: str | None = option(None, "FILE|PRESET", shown="that of --schema")
    schema_registry: str | None = option(None, "URL", shown="none", secret=True)

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        found = []
        if self.input is not None and not self.input.strip():
            found.append("--input is empty: give a path or a URL")
        if self.columns is not None:
            try:
                Layout.of(split_columns(self.columns), "--columns")
            except SourceError as error:
                found.append(f"{error}; for example {EXAMPLE}")
            if self.schema is not None or self.history_schema is not None:
                found.append("--columns has no effect with --schema: give columns in the schema")
            if self.input is not None and self.is_topic and not self.history:
                found.append("--columns is for files: a Kafka value is user,item,time[,behavior]")
        if self.schema is not None:
            if self.input is None:
                found.append("--schema needs --input: it says what the input's fields mean")
            try:
                self.read_schema()
            except SourceError as error:
                found.append(str(error))
        if self.history and not self.is_topic:
            found.append(
                "--history is for files before a topic: --input must be kafka://HOST:PORT/TOPIC"
            )
        if self.schema_registry is not None:
            if not self.is_topic or self.schema is None:
                found.append("--schema_registry needs a topic as --input, and --schema")
            if not is_registry_url(self.schema_registry):
                found.append(NOT_A_REGISTRY)
        if self.history_schema is not None:
            if not self.history:
                found.append("--history_schema needs --history: it says what its fields mean")
            try:
                self.read_file_schema()
            except SourceError as error:
                found.append(str(error))
        return found

    @property
    def is_topic(self) -> bool:
        """Whether the input is a topic."""
        return self.input is not None and not is_file_input(self.input)

    def read_schema(self) -> Schema | None:
        """The schema of the input; None where none is given.

        Raises:
            SourceError: there is no such schema, or it is wrong or not for such an input.
        """
        if self.schema is None:
            return None
        # Imported for those who have a schema, and not by --help.
        from sources.schema.load import load_schema, topic_schema

        if not self.is_topic:
            return load_schema(self.schema)
        schema = topic_schema(self.schema)
        if self.schema_registry is None:
            return schema
        return replace(schema, registry=with_secrets(self.schema_registry))

    def rewards(self) -> tuple[float, ...]:
        """What the behaviors earn, by code: as the schema says, else the usual rewards.

        Raises:
            SourceError: the schema is wrong.
        """
        from transforms.messages.behaviors import USUAL_REWARDS

        schema = self.read_schema()
        return USUAL_REWARDS if schema is None or schema.rewards is None else schema.rewards

    def record_fields(self) -> RecordFields:
        """What the events have beside their four fields, as the schema's `[fields]` say.

        Raises:
            SourceError: a schema is wrong.
        """
        from transforms.messages.record_fields import RecordFields

        fields = [
            schema.fields for schema in (self.read_schema(), self.read_file_schema()) if schema
        ]
        return RecordFields(
            any(each.event_id is not None for each in fields),
            any(each.value is not None for each in fields),
        )

    def read_file_schema(self) -> Schema | None:
        """The schema of the files of the input or the history; None where none is given.

        Raises:
            SourceError: there is no such schema, or it is wrong.
        """
        chosen = self.history_schema or self.schema
        if chosen is None:
            return None
        from sources.schema.load import load_schema

        return load_schema(chosen)


@dataclass(frozen=True)
class KafkaSettings:
    """How a topic is read.

    Attributes:
        max_out_of_orderness: how much older than the latest event of its partition an event may
            be without being late, in seconds of event time.
        idle_timeout: a partition that was silent for so long does not hold back the watermark
            of the others, in seconds.
        silence_timeout: after so long without a new record in the whole topic the watermark
            follows the clock, which closes the last windows; older events that follow are late;
            in seconds, 0 for never.
        allowed_lateness: an event that is older than its partition's watermark by more than this
            is late at once, in seconds of event time.
        late_alarm: share of late events in a minute of the clock above which a worker logs a
            warning and counts an alarm; 1 for never.
        reset_watermark: drops a watermark of a savepoint that is further ahead of the clock than
            --max_future, which makes every event late; the watermark then follows the events
            that are read next.
        kafka_start: where to begin in each partition: earliest, latest, or an ISO time such as
            2026-01-31T12:00:00Z, in UTC if it names no zone: the first record whose timestamp is
            not before it. By default earliest; with --history the time of its last event, less
            --max_out_of_orderness and --max_future.
        kafka_stop_at: 'latest' ends the read at the offsets of the start.
        kafka_refresh: time between two looks for new partitions, in seconds.
        kafka_group: the consumer group to which offsets are committed, for tools that show the
            lag; nothing is resumed from it.
        kafka_max_batch: a compressed batch of records that is larger when it is decompressed, is
            one dead letter with reason 'too long', which names its offsets; in bytes.
        kafka_security_protocol: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL; also in the URL, as
            ?security_protocol=.
        kafka_sasl_mechanism: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; also in the URL.
        kafka_user: the user for SASL; also in the URL, before the @.
        kafka_password: the user's password; '${NAME}' takes it from the environment.
        kafka_ssl_cafile: the authorities' certificates; also in the URL.
        kafka_ssl_certfile: the client's certificate; also in the URL.
        kafka_ssl_keyfile: the client's key; also in the URL.
    """

    max_out_of_orderness: int = option(10, "SECONDS", least=0)
    idle_timeout: int = option(60, "SECONDS", least=1)
    silence_timeout: int = option(0, "SECONDS", least=0)
    allowed_lateness: int = option(3600, "SECONDS", least=0)
    late_alarm: float = option(0.1, "SHARE", above=0, most=1)
    reset_watermark: bool = option(False)
    kafka_start: str | None = option(None, "WHERE", shown="earliest, or what follows --history")
    kafka_stop_at: str | None = option(None, choices=("latest",), shown="never end")
    kafka_refresh: int = option(30, "SECONDS", least=1)
    kafka_group: str = option("rivulet", "NAME")
    kafka_max_batch: int = option(64 << 20, "BYTES", least=1)
    kafka_security_protocol: str | None = option(
        None, "PROTOCOL", shown="PLAINTEXT; with a user SASL_SSL"
    )
    kafka_sasl_mechanism: str | None = option(None, "MECHANISM", shown="PLAIN, with a user")
    kafka_user: str | None = option(None, "NAME", shown="none")
    kafka_password: str | None = option(None, "PASSWORD", shown="none", secret=True)
    kafka_ssl_cafile: str | None = option(None, "FILE", shown="the system's")
    kafka_ssl_certfile: str | None = option(None, "FILE", shown="none")
    kafka_ssl_keyfile: str | None = option(None, "FILE", shown="none")

    @property
    def is_bounded(self) -> bool:
        """Whether the read ends."""
        return self.kafka_stop_at is not None

    @property
    def security(self) -> dict[str, str | None]:
        """What the options say of security, by the names of `sources.kafka.url.SECURITY`."""
        return {name: getattr(self, f"kafka_{name}") for name in SECURITY}

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        found = []
        try:
            start_time(self.kafka_start or "earliest")
        except ValueError:
            found.append(
                "--kafka_start must be earliest, latest or an ISO time such as "
                f"2026-01-31T12:00:00Z, not '{self.kafka_start}'"
            )
        if not self.kafka_group:
            found.append("--kafka_group is empty: give the group a name")
        return found


def start_time(start: str) -> int | None:
    """Milliseconds since the epoch of an ISO time; None for `earliest` and `latest`.

    Raises:
        ValueError: it is none of these.
    """
    if start in ("earliest", "latest"):
        return None
    moment = datetime.fromisoformat(start)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)
