"""Sinks by name: the same `WriteTo` for a store of one kind, from its URL."""

from __future__ import annotations

from rivulet.urls import escape_credentials, with_secrets
from sinks.base import WriteTo
from sinks.mongo.store import MongoSource
from sinks.redis.store import RedisSource
from sinks.sql.store import SqlSource
from transforms.columns.frames import Frame


class WriteToMongo(WriteTo):
    """Writes frames to MongoDB.

    Args:
        url: `mongodb://HOST/DB`; `${NAME}` in it is the environment's variable.
        frame_type: EventBatch, PopularRows or Recommendations.
    """

    def __init__(self, url: str, frame_type: type[Frame]) -> None:
        super().__init__(MongoSource(with_secrets(url)), frame_type)


class WriteToSql(WriteTo):
    """Writes frames to MySQL, MariaDB, SQLite or PostgreSQL.

    Args:
        url: SQLAlchemy's, as `mysql+pymysql://USER:${PASSWORD}@HOST/DB`.
        frame_type: EventBatch, PopularRows, Recommendations or PolicyMinutes.
    """

    def __init__(self, url: str, frame_type: type[Frame]) -> None:
        super().__init__(SqlSource(escape_credentials(with_secrets(url))), frame_type)


class WriteToRedis(WriteTo):
    """Writes frames to Redis.

    Args:
        url: `redis://HOST/0`, or `rediss://` for TLS.
        frame_type: EventBatch, PopularRows or Recommendations.
    """

    def __init__(self, url: str, frame_type: type[Frame]) -> None:
        super().__init__(RedisSource(with_secrets(url)), frame_type)
