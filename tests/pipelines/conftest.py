"""A topic and a database of each store that nothing else uses."""

from collections.abc import Iterator

import pytest
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from deploy.servers.kafka import Kafka
from deploy.servers.mongo import Mongo
from deploy.servers.mysql import MySQL
from deploy.servers.postgres import Postgres
from deploy.servers.redis import Redis
from tests.pipelines.stores import Stores


@pytest.fixture
def stores(
    mongo: Mongo, mysql: MySQL, postgres: Postgres, redis_server: Redis, unique: str
) -> Stores:
    made = Stores(
        mongo.url.replace("/rivulet", f"/{unique}"),
        mysql.url.replace("/rivulet", f"/{unique}"),
        postgres.url.replace("/rivulet", f"/{unique}"),
        redis_server.url.replace("/0", "/9"),
    )
    made.make()
    return made


@pytest.fixture
def topic(kafka: Kafka, unique: str) -> Iterator[str]:
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    admin.create_topics([NewTopic(unique, 3, 1)])
    yield unique
    admin.delete_topics([unique])
    admin.close()
