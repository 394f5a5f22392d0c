"""What options that name a file or a topic beside the events have in common."""

from __future__ import annotations

from sources.errors import SourceError
from sources.kafka.url import KafkaUrl, parse_url
from sources.options import InputSettings, KafkaSettings


def is_followed(chosen: InputSettings, kafka: KafkaSettings) -> bool:
    """Whether a file is read again when it changes: in a job whose events have no end."""
    return chosen.is_topic and not kafka.is_bounded


def topic_url(option: str, url: str, kafka: KafkaSettings) -> KafkaUrl:
    """The topic that an option names, with the security settings of the events' topic.

    Raises:
        SourceError: the URL is wrong.
    """
    try:
        return parse_url(url, kafka.security)
    except SourceError as error:
        raise SourceError(f"{option}: {error}") from error
