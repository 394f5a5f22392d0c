"""A poll of a partition, with a consumer that answers from a list."""

import uuid
from dataclasses import dataclass, field
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.errors import OffsetOutOfRangeError, UnknownTopicOrPartitionError

from sources.errors import SourceError
from sources.kafka.consumers import NO_TOPIC_ID
from sources.kafka.partition import Partition
from sources.kafka.partitions import FOREVER
from sources.kafka.polls import POLL_RECORDS, is_at_end, poll
from sources.kafka.url import KafkaUrl, parse_url
from tests.sources.kafka.fakes import Client, Metadata

WHERE = TopicPartition("clicks", 3)


@dataclass(frozen=True)
class Record:
    offset: int


@dataclass
class Consumer(Client):
    """Holds records of some offsets, the last ones of which may be gaps, up to `end`."""

    offsets: range
    end: int
    at: int = 0
    _cluster: Metadata = field(default_factory=Metadata)
    asked: list[str] = field(default_factory=list)

    def poll(self, _: int, most: int) -> dict[TopicPartition, list[Record]]:
        if self.at < self.offsets.start or self.at > self.end:
            raise OffsetOutOfRangeError({WHERE: self.at})
        found = [offset for offset in self.offsets if offset >= self.at][:most]
        self.at = found[-1] + 1 if len(found) == most else self.end
        return {WHERE: [Record(offset) for offset in found]} if found else {}

    def position(self, _: TopicPartition, __: int) -> int:
        return self.at

    def seek(self, _: TopicPartition, offset: int) -> None:
        self.at = offset

    def highwater(self, _: TopicPartition) -> int:
        self.asked.append("highwater")
        return self.end

    def end_offsets(self, *_: Any) -> dict[TopicPartition, int]:
        self.asked.append("end")
        return {WHERE: self.end}

    def topics(self) -> set[str]:
        return set()

    def beginning_offsets(self, *_: Any) -> dict[TopicPartition, int]:
        return {WHERE: self.offsets.start}


@pytest.fixture
def url() -> KafkaUrl:
    return parse_url("kafka://localhost:1/clicks", {})


def polled_at(consumer: Consumer, url: KafkaUrl, position: int, stop: int) -> tuple[int, list[int]]:
    consumer.at = position
    end, records, _ = poll(consumer, url, Partition(3, 0, FOREVER), position, stop)
    return end, [record.offset for record in records]


def test_a_poll_gives_records_up_to_the_stop_and_counts_gaps(url: KafkaUrl) -> None:
    assert polled_at(Consumer(range(0, 8, 2), 9), url, 2, FOREVER) == (9, [2, 4, 6])
    assert polled_at(Consumer(range(0, 8, 2), 9), url, 2, 5) == (5, [2, 4])
    assert polled_at(Consumer(range(5), 9), url, 5, FOREVER) == (9, [])
    most = Consumer(range(POLL_RECORDS + 1), POLL_RECORDS + 1)
    assert polled_at(most, url, 0, FOREVER)[0] == POLL_RECORDS


def test_what_was_deleted_is_passed_over_and_counted(url: KafkaUrl) -> None:
    deleted = Consumer(range(6, 8), 8)
    assert polled_at(deleted, url, 2, FOREVER) == (6, [])
    assert deleted.at == 6
    assert polled_at(Consumer(range(6, 8), 8), url, 2, 4) == (4, [])
    for stop, expired in ((FOREVER, 4), (4, 2)):
        polled = poll(Consumer(range(6, 8), 8, 2), url, Partition(3, 0, stop), 2, stop)
        assert polled.expired == expired


def test_a_position_beyond_the_end_is_an_error(url: KafkaUrl) -> None:
    with pytest.raises(SourceError, match="partition 3: offset 9 is beyond the end"):
        polled_at(Consumer(range(0), 0), url, 9, FOREVER)


def test_a_topic_of_another_id_is_an_error_before_its_records_are_read(url: KafkaUrl) -> None:
    old, new = uuid.uuid4(), uuid.uuid4()

    def read(had: bytes, has: uuid.UUID | None) -> int:
        consumer = Consumer(range(9), 9, 4, _cluster=Metadata(has))
        partition = Partition(3, 0, FOREVER, topic_id=had)
        return len(poll(consumer, url, partition, 4, FOREVER).records)

    assert read(old.bytes, old) == 5
    # Brokers before 2.8 give no ids, and neither do savepoints of jobs that ran on them.
    assert read(NO_TOPIC_ID, new) == read(old.bytes, None) == 5
    with pytest.raises(SourceError, match="deleted and created again"):
        read(old.bytes, new)


def test_a_missing_topic_is_no_topic_without_records(url: KafkaUrl) -> None:
    consumer = Consumer(range(0), 4, 4, _cluster=Metadata(partitions=None))
    with pytest.raises(UnknownTopicOrPartitionError):
        poll(consumer, url, Partition(3, 0, FOREVER), 4, FOREVER)


@pytest.mark.parametrize(
    ("position", "stop", "polled", "expected", "asked"),
    [
        (9, FOREVER, 2, True, ["highwater"]),
        (8, FOREVER, 2, False, ["highwater"]),
        (9, FOREVER, 0, True, ["end"]),
        (8, FOREVER, 0, False, ["end"]),
        (9, FOREVER, POLL_RECORDS, False, []),
        (8, 9, 2, False, []),
        (9, 12, 0, True, ["end"]),
    ],
)
def test_the_broker_is_asked_for_more_only_where_it_must(
    position: int, stop: int, polled: int, expected: bool, asked: list[str]
) -> None:
    consumer = Consumer(range(9), 9)
    assert is_at_end(consumer, WHERE, position, stop, polled) is expected
    assert consumer.asked == asked
