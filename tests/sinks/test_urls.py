"""Stores' URLs: what opens what, and what is never said."""

import logging
import pickle

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from sinks import open_source
from sinks.base import SinkError
from sinks.mongo.source import MongoSource
from sinks.redis.source import RedisSource
from sinks.retry import retry_outages
from sinks.sql.source import SqlSource
from transforms.progress import SHARED_PROGRESS

URLS = (
    "mongodb://ann:s3cret@127.0.0.1:1,127.0.0.1:2/shop?authSource=s3cret",
    "mongodb+srv://ann:s3cret@shop.invalid/shop",
    "redis://:s3cret@127.0.0.1:1/0",
    "rediss://ann:s3cret@127.0.0.1:1/0?password=s3cret",
    "mysql+pymysql://ann:s3cret@127.0.0.1:1/shop?password=s3cret",
    *(f"mysql+pymysql://ann:s3cret{mark}s3cret@127.0.0.1:1/shop" for mark in "/?#@:"),
)
KINDS = (MongoSource, MongoSource, RedisSource, RedisSource, *([SqlSource] * 6))


@pytest.mark.parametrize(("url", "kind"), list(zip(URLS, KINDS, strict=True)))
def test_a_url_opens_its_store_and_hides_its_secrets(url: str, kind: type) -> None:
    source = open_source(url)
    assert isinstance(source, kind)
    assert "s3cret" not in source.name + repr(source)
    assert "***" in source.name
    again = pickle.loads(pickle.dumps(source))  # noqa: S301 - our own bytes
    assert again == source
    assert hash(again) == hash(source)


def test_a_missing_variable_is_named_without_the_rest() -> None:
    with pytest.raises(SinkError, match="RIVULET_NONE is not set") as caught:
        open_source("mongodb://${RIVULET_NONE}:s3cret@h/db")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["ftp://ann:s3cret@h/x", "plainly wrong", "mysql+nodriver://ann:s3cret@h/x"]
)
def test_what_is_no_store_is_said_in_one_line(url: str) -> None:
    with pytest.raises(SinkError, match="no store that Rivulet can write to") as caught:
        open_source(url)
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "mongodb://ann:s3cret@h:notaport/db",
        "mongodb://ann:s3cret@/db",
        "redis://ann:s3cret@h:notaport/0",
        "redis://ann:s3cret/more@h/0",
        "mysql+pymysql://ann:s3cret@h:notaport/db",
        "mssql+pyodbc://ann:s3cret@h/db",
        "mysql+mysqldb://ann:s3cret@h/db",
    ],
)
def test_a_wrong_url_is_refused_at_once_without_its_password(url: str) -> None:
    with pytest.raises(SinkError) as caught:
        open_source(url)
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_store_that_ends_with_the_process_is_none(url: str) -> None:
    with pytest.raises(SinkError, match="names no file"):
        open_source(url)


def test_retries_are_logged_without_secrets(caplog: pytest.LogCaptureFixture) -> None:
    store = open_source("redis://:s3cret@127.0.0.1:1/0").open()
    tries: list[int] = []

    def write() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise RedisConnectionError("refused")

    awaited: list[dict[str, int]] = []

    def look_and_write() -> None:
        awaited.append(SHARED_PROGRESS.unavailable_stores())
        write()

    with caplog.at_level(logging.WARNING):
        retry_outages(store)(look_and_write)
    assert awaited == [{}, {store.name: 1}, {store.name: 2}]
    assert SHARED_PROGRESS.unavailable_stores() == {}
    assert len(caplog.records) == 2
    assert "redis://:***@127.0.0.1:1/0 does not answer" in caplog.text
    assert "s3cret" not in caplog.text
