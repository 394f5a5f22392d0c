"""What this process keeps for a job that reads Kafka, from one bundle to the next.

A DoFn is copied to each of a process's threads and made anew from time to time. Its copies find
what they share by the job's name; jobs that run in one process share nothing.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sources.kafka.consumers import ConsumerPool
from sources.kafka.poll_delay import PollDelays
from sources.kafka.topic_time import TopicWatch
from sources.kafka.url import KafkaUrl
from sources.malformed import FirstLines
from transforms.progress import ProgressCounters

if TYPE_CHECKING:
    from sources.schema.schema import Schema


@dataclass(eq=False)
class KafkaJobState:
    """One job's consumers, poll delays and topic watches in this process.

    Attributes:
        first_lines: checks the first values that the job reads in this process.
        consumers: the consumers that no bundle is using.
        delays: the delays until the partitions' next polls.
        replaced: partitions, by number and topic id, of topics that were created again.
        misses: by partition, how many times in a row the topic was found missing.
    """

    first_lines: FirstLines
    consumers: ConsumerPool = field(default_factory=ConsumerPool)
    delays: PollDelays = field(default_factory=PollDelays)
    _watches: dict[int, TopicWatch] = field(default_factory=dict)
    replaced: set[tuple[int, bytes]] = field(default_factory=set)
    misses: dict[int, int] = field(default_factory=dict)
    _warned: set[int] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def is_first_warning(self, partition: int) -> bool:
        """Whether this is the first call for the partition."""
        with self._lock:
            is_first = partition not in self._warned
            self._warned.add(partition)
            return is_first

    def watch(self, url: KafkaUrl, max_future: int, schema: Schema | None = None) -> TopicWatch:
        """The watch of the topic; see `TopicWatch`."""
        with self._lock:
            if max_future not in self._watches:
                self._watches[max_future] = TopicWatch(url, max_future, schema)
            return self._watches[max_future]

    def close(self) -> None:
        """Closes all connections that no bundle is using."""
        self.consumers.close()
        with self._lock:
            watches = list(self._watches.values())
        for watch in watches:
            watch.close()


_JOBS: dict[tuple[str, KafkaUrl], KafkaJobState] = {}
_LOCK = threading.Lock()


def state_of(
    progress: ProgressCounters, url: KafkaUrl, max_malformed: float = 1.0
) -> KafkaJobState:
    """The state that this process keeps for a job's reading of a topic.

    Args:
        progress: the job's counters.
        url: the topic.
        max_malformed: the largest share of malformed values that is accepted.
    """
    with _LOCK:
        key = (progress.job, url)
        if key not in _JOBS:
            _JOBS[key] = KafkaJobState(FirstLines(max_malformed))
        return _JOBS[key]
