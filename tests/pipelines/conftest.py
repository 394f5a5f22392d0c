"""A topic that nothing else uses."""

from collections.abc import Iterator

import pytest
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from deploy.servers.kafka import Kafka


@pytest.fixture
def topic(kafka: Kafka, unique: str) -> Iterator[str]:
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    admin.create_topics([NewTopic(unique, 3, 1)])
    yield unique
    admin.delete_topics([unique])
    admin.close()
