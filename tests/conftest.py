"""Fixtures of all tests: real servers on free ports, with their data in a temporary folder.

A server starts with the first test that requests it and stops after the last test. Tests are
isolated by names of their own: a topic or a database from `unique`, a database of Redis from
`redis_url`.
"""

import itertools
import os
import signal
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import Scheduling

from deploy.flink import ClusterSettings, FlinkCluster
from deploy.process_reaper import ProcessReaper
from deploy.servers.kafka import Kafka
from deploy.servers.mongo import Mongo
from deploy.servers.mysql import MySQL
from deploy.servers.postgres import Postgres
from deploy.servers.redis import Redis
from tests.scheduling import FileScheduling

if TYPE_CHECKING:
    from tests.pipelines.stores import Stores

# In CI Hypothesis uses the same examples in each run; elsewhere it searches for new ones.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds `--outage` and `--long`, for more than the test suite has time for."""
    words = "seconds for which tests/pipelines/test_outages.py stops a store at least (default: 0)"
    parser.addoption("--outage", type=float, default=0.0, metavar="SECONDS", help=words)
    parser.addoption("--long", action="store_true", help="run the tests with the marker `long` too")


def pytest_configure(config: pytest.Config) -> None:
    """Restores the default handler of SIGINT, which is ignored in background jobs of a shell."""
    config.addinivalue_line("markers", "hostile: input, peers and stores that misbehave")
    config.addinivalue_line("markers", "long: takes minutes; runs with --long only")
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skips the tests with the marker `long` unless `--long` is given."""
    if config.getoption("--long"):
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="runs with --long"))


@pytest.hookimpl(optionalhook=True)  # A hook of pytest-xdist, for `pytest -n 2`.
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """The tests of a file run in one process; those that share the Flink cluster, too."""
    return FileScheduling(config, log)


@pytest.fixture
def unique() -> str:
    """A name that no other test has: letters and digits, starting with a letter."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def server_data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessReaper]:
    """The data folder of this run's servers; all of them end with the run."""
    with ProcessReaper(tmp_path_factory.mktemp("servers")) as reaper:
        yield reaper


@pytest.fixture(scope="session")
def kafka(server_data: ProcessReaper) -> Iterator[Kafka]:
    """A running Kafka; `kafka.url` has no topic."""
    with Kafka(server_data.folder) as server:
        yield server


@pytest.fixture(scope="session")
def mongo(server_data: ProcessReaper) -> Iterator[Mongo]:
    """A running MongoDB."""
    with Mongo(server_data.folder) as server:
        yield server


@pytest.fixture(scope="session")
def mysql(server_data: ProcessReaper) -> Iterator[MySQL]:
    """A running MariaDB."""
    with MySQL(server_data.folder) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_data() -> Iterator[Path]:
    """A data folder that PostgreSQL's user can reach; pytest's are closed to other users."""
    with tempfile.TemporaryDirectory(prefix="rivulet-postgres-") as folder:
        Path(folder).chmod(0o711)
        with ProcessReaper(Path(folder)):
            yield Path(folder)


@pytest.fixture(scope="session")
def postgres(postgres_data: Path) -> Iterator[Postgres]:
    """A running PostgreSQL."""
    with Postgres(postgres_data) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server(server_data: ProcessReaper) -> Iterator[Redis]:
    """A running Redis; its databases come from `redis_database`."""
    with Redis(server_data.folder, options=("--databases", "10000")) as server:
        yield server


@pytest.fixture(scope="session")
def redis_database(redis_server: Redis) -> Callable[[], str]:
    """Makes the URL of an empty Redis database that nothing else uses."""
    numbers = itertools.count(1)
    address = redis_server.url.rpartition("/")[0]
    return lambda: f"{address}/{next(numbers)}"


@pytest.fixture
def redis_url(redis_database: Callable[[], str]) -> str:
    """An empty Redis database that nothing else uses."""
    return redis_database()


@pytest.fixture(scope="session")
def flink_cluster(server_data: ProcessReaper) -> Iterator[FlinkCluster]:
    """A running Flink cluster: two task managers of two slots, and Python workers."""
    with FlinkCluster(server_data.folder, ClusterSettings(task_managers=2, slots=2)) as cluster:
        yield cluster


@pytest.fixture
def stores(mongo: Mongo, mysql: MySQL, postgres: Postgres, redis_url: str, unique: str) -> "Stores":
    """An empty database of each of the four servers that nothing else uses."""
    from tests.pipelines.stores import Stores

    made = Stores(
        mongo.url.replace("/rivulet", f"/{unique}"),
        mysql.url.replace("/rivulet", f"/{unique}"),
        postgres.url.replace("/rivulet", f"/{unique}"),
        redis_url,
    )
    made.make()
    return made
