"""A click-stream on a topic's partitions, and what is on them."""

import random

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from deploy.servers.kafka import Kafka
from tests.oracle.events import BEHAVIORS, Event

START, SPAN, BOUND = 1_600_000_000, 300, 8


def clicks(seed: int, count: int = 1500, span: int = SPAN) -> list[Event]:
    """Events as they arrive: up to BOUND seconds out of order, some of them twice.

    They lie in `span` seconds from START on.
    """
    rng = random.Random(seed)
    events = [
        Event(START + rng.randrange(span), rng.randrange(40), rng.randrange(25),
              rng.choice(BEHAVIORS))
        for _ in range(count)
    ]  # fmt: skip
    events += rng.sample(events, count // 20)
    return sorted(events, key=lambda event: event.time + rng.uniform(0, BOUND))


def produce(kafka: Kafka, topic: str, parts: list[list[Event]]) -> None:
    """Puts events on each partition; the last one is filled first."""
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap)
    for place in reversed(range(len(parts))):
        for e in parts[place]:
            value = f"{e.user},{e.item},{e.time},{e.behavior}"
            producer.send(topic, value.encode(), partition=place)
        producer.flush()
    producer.close()


def values_by_place(kafka: Kafka, topic: str) -> dict[str, bytes]:
    """`TOPIC/PARTITION/OFFSET` to the value there."""
    consumer = KafkaConsumer(bootstrap_servers=kafka.bootstrap)
    where = [TopicPartition(topic, number) for number in range(3)]
    consumer.assign(where)
    consumer.seek_to_beginning()
    left = sum(consumer.end_offsets(where).values())
    found: dict[str, bytes] = {}
    while len(found) < left:
        for records in consumer.poll(1000).values():
            found |= {f"{r.topic}/{r.partition}/{r.offset}": r.value for r in records}
    consumer.close()
    return found
