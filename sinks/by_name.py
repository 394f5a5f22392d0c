"""One transform for each kind of store: `WriteTo` with a URL in place of a source."""

from __future__ import annotations

from typing import Any

from rivulet.urls import escape_credentials, with_secrets
from sinks.mongo.source import MongoSource
from sinks.redis.source import RedisSource
from sinks.sql.source import SqlSource
from sinks.write import WriteTo
from transforms.columns.frames import Frame


class WriteToMongo(WriteTo):
    """Writes frames to MongoDB.

    Args:
        url: `mongodb://HOST/DB`; `${NAME}` in it is the environment's variable.
        frame_type: EventBatch, PopularRows or Recommendations.
        **options: as for `WriteTo`.
    """

    def __init__(self, url: str, frame_type: type[Frame], **options: Any) -> None:
        super().__init__(MongoSource(with_secrets(url)), frame_type, **options)


class WriteToSql(WriteTo):
    """Writes frames to MySQL, MariaDB, SQLite or PostgreSQL.

    Args:
        url: SQLAlchemy's, as `mysql+pymysql://USER:${PASSWORD}@HOST/DB` or `postgresql+psycopg://..`.
        frame_type: EventBatch, PopularRows, Recommendations, PolicyMinutes or EventMinutes.
        **options: as for `WriteTo`.
    """

    def __init__(self, url: str, frame_type: type[Frame], **options: Any) -> None:
        super().__init__(SqlSource(escape_credentials(with_secrets(url))), frame_type, **options)


class WriteToRedis(WriteTo):
    """Writes frames to Redis.

    Args:
        url: `redis://HOST/0`, or `rediss://` for TLS.
        frame_type: EventBatch, PopularRows or Recommendations.
        **options: as for `WriteTo`.
    """

    def __init__(self, url: str, frame_type: type[Frame], **options: Any) -> None:
        super().__init__(RedisSource(with_secrets(url)), frame_type, **options)
