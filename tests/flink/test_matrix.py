"""The same stream has equal tables on all runners, row by row."""

import warnings
from pathlib import Path

import pytest

from deploy.flink import FlinkCluster
from deploy.servers.kafka import Kafka
from pipelines.running.summary import Summary
from tests.flink import stream
from tests.graph import Tables, read_tables

pytestmark = [
    pytest.mark.flink,
    pytest.mark.servers,
    pytest.mark.slow,
    pytest.mark.timeout(3600),
]

EVENTS = stream.clicks(11)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("stream") / "clicks.csv"
    stream.write_file(path, EVENTS)
    return f"--input={path}"


@pytest.fixture(scope="module")
def topic(kafka: Kafka) -> list[str]:
    url = stream.make_topic(kafka, "matrix")
    stream.send(kafka, "matrix", EVENTS, stream.MALFORMED)
    return [f"--input={url}", "--kafka_stop_at=latest"]


def tables(folder: Path, *flags: str, counted: bool = True, explore: bool = True) -> Tables:
    """Runs the job; asserts that its tables and (`counted`) its counts are the oracle's.

    With `explore`, draws must depend on the user, the ranking time, the version and the seed alone.
    """
    store = folder / "store.db"
    explored = stream.EXPLORE if explore else ()
    said = stream.run(folder, *stream.sqlite_flags(store), *explored, *flags)
    found = read_tables(store, Summary({}, 1.0))
    stream.check(found, EVENTS, explore=explore)
    letters = store.with_suffix(".jsonl").read_text().splitlines()
    assert len(letters) == len(stream.MALFORMED)
    if counted:
        assert f"{len(EVENTS) + len(stream.MALFORMED):,}" in said  # lines read
        assert f"{len(set(EVENTS)):,}" in said  # recorded
        assert f"{len(found.recommendations):,}" in said
    return found


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, file: str) -> Tables:
    return tables(tmp_path_factory.mktemp("direct"), file)


def test_prism_in_streaming(tmp_path: Path, topic: list[str]) -> None:
    """All tables of the oracle.

    Prism drops the sums by minute as late (docs/flink.md). It also loses counts: of two bundles
    that end before it knows a counter's name it keeps one count (metricsStore.unprocessedPayloads),
    so that the summary is not compared. One run in about 30 had other recommendations than the
    oracle, for a reason that is not known. The job therefore runs again if its tables differ.
    """
    flags = (*topic, "--runner=PrismRunner")
    try:
        tables(tmp_path / "first", *flags, counted=False, explore=False)
    except AssertionError as error:
        warnings.warn(f"the first run on Prism: {error}", stacklevel=1)
        tables(tmp_path / "second", *flags, counted=False, explore=False)


def test_embedded_flink_in_batch(tmp_path: Path, file: str, expected: Tables) -> None:
    assert tables(tmp_path, file, "--runner=FlinkRunner").minutes == expected.minutes


def test_embedded_flink_in_streaming(tmp_path: Path, topic: list[str], expected: Tables) -> None:
    assert tables(tmp_path, *topic, "--runner=FlinkRunner").minutes == expected.minutes


@pytest.mark.long
@pytest.mark.parametrize("parallelism", [1, 4])
def test_standalone_flink_from_kafka(
    tmp_path: Path,
    topic: list[str],
    expected: Tables,
    flink_cluster: FlinkCluster,
    parallelism: int,
) -> None:
    flags = (*flink_cluster.options(parallelism), *topic)
    assert tables(tmp_path, *flags).minutes == expected.minutes
