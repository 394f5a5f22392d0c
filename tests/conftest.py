"""Fixtures for every test: real servers on free ports below a temporary folder.

Each server starts when the first test asks for it and stops after the last one. Tests keep out of
each other's way by names of their own: a topic, a database or a key prefix from `unique`.
"""

import os
import signal
import uuid
from collections.abc import Iterator

import pytest
from hypothesis import settings

from deploy.flink import ClusterSettings, FlinkCluster
from deploy.process_reaper import ProcessReaper
from deploy.servers.kafka import Kafka
from deploy.servers.mongo import Mongo
from deploy.servers.mysql import MySQL
from deploy.servers.redis import Redis

# CI repeats itself: the examples are the same in each run; new ones are looked for elsewhere.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let outages last longer than the suite has time for."""
    words = "seconds for which a store is stopped in tests/pipelines/test_outages.py (default: 2)"
    parser.addoption("--outage", type=float, default=2.0, metavar="SECONDS", help=words)


def pytest_configure() -> None:
    """Make Ctrl-C what it usually is: who is started in a shell's background ignores it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def unique() -> str:
    """Give a name that no other test has: letters and digits, starting with a letter."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def server_data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessReaper]:
    """Give the data folder of this run's servers; whatever happens, none outlives the run."""
    with ProcessReaper(tmp_path_factory.mktemp("servers")) as reaper:
        yield reaper


@pytest.fixture(scope="session")
def kafka(server_data: ProcessReaper) -> Iterator[Kafka]:
    """Give a running Kafka; `kafka.url` has no topic."""
    with Kafka(server_data.folder) as server:
        yield server


@pytest.fixture(scope="session")
def mongo(server_data: ProcessReaper) -> Iterator[Mongo]:
    """Give a running MongoDB."""
    with Mongo(server_data.folder) as server:
        yield server


@pytest.fixture(scope="session")
def mysql(server_data: ProcessReaper) -> Iterator[MySQL]:
    """Give a running MariaDB."""
    with MySQL(server_data.folder) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server(server_data: ProcessReaper) -> Iterator[Redis]:
    """Give a running Redis."""
    with Redis(server_data.folder) as server:
        yield server


@pytest.fixture(scope="session")
def flink_cluster(server_data: ProcessReaper) -> Iterator[FlinkCluster]:
    """Give a running Flink cluster: two task managers of two slots, and Python workers."""
    with FlinkCluster(server_data.folder, ClusterSettings(task_managers=2, slots=2)) as cluster:
        yield cluster
