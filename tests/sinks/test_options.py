"""The sinks' settings."""

from sinks.mongo.source import MongoSource
from sinks.options import PopularSinkSettings, RecordSinkSettings
from sinks.redis.source import RedisSource
from sinks.sql.source import SqlSource

MONGO, REDIS = "mongodb://h/db", "redis://h/0"


def test_stores_have_the_limits_that_were_chosen() -> None:
    settings = RecordSinkSettings(record_sink=(MONGO, REDIS, "none", MONGO), consumed_max=7)
    mongo, redis = settings.sources(max_future=60)
    assert isinstance(mongo, MongoSource)
    assert isinstance(redis, RedisSource)
    assert (mongo.limits.consumed_max, mongo.limits.max_future) == (7, 60)
    assert redis.limits.max_future == 60


def test_without_a_url_it_is_the_default_store() -> None:
    (source,) = PopularSinkSettings().sources()
    assert isinstance(source, SqlSource)
    assert source.name == "sqlite:///rivulet.db"


def test_a_wrong_url_is_a_problem_without_its_password() -> None:
    (problem,) = PopularSinkSettings(popular_sink=("ftp://ann:s3cret@h",)).problems()
    assert "ftp://ann:***@h" in problem


def test_settings_do_not_show_passwords() -> None:
    settings = RecordSinkSettings(record_sink=("redis://:s3cret@h/0",))
    assert "s3cret" not in repr(settings)
