"""A topic's URL, with the settings for TLS and SASL.

    kafka://[USER:PASSWORD@]HOST:PORT[,HOST:PORT]/TOPIC[?security_protocol=SASL_SSL&...]

`${NAME}` stands for the environment variable NAME, in any part. Neither `repr` nor an error shows
a password.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from rivulet.urls import URLError, escape_credentials
from sources.errors import SourceError

SECURITY = (
    "security_protocol", "sasl_mechanism", "user", "password",
    "ssl_cafile", "ssl_certfile", "ssl_keyfile",
)  # fmt: skip
"""The security settings, by option (`--kafka_NAME`) or in the URL (`sources.options`)."""

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")

_URL = re.compile(
    r"kafka://(?:(?P<user>[^:@/]*)(?::(?P<password>[^@/]*))?@)?"
    r"(?P<servers>[^/?@]+)/(?P<topic>[^/?]+)(?:\?(?P<query>.*))?",
    re.IGNORECASE,
)
_SERVER = re.compile(r"[^:\s]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5}")
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")


@dataclass(frozen=True)
class KafkaUrl:
    """A topic and how to connect to its brokers.

    Attributes:
        servers: `HOST:PORT` of the bootstrap brokers.
        topic: the topic's name.
        security: kafka-python's settings for TLS and SASL, as pairs; left out of `repr`.
    """

    servers: tuple[str, ...]
    topic: str
    security: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        return f"kafka://{','.join(self.servers)}/{self.topic}"

    def client(self) -> dict[str, Any]:
        """The arguments of each of kafka-python's clients."""
        return {"bootstrap_servers": list(self.servers), **dict(self.security)}


def parse_url(
    url: str,
    options: Mapping[str, str | None] | None = None,
    environment: Mapping[str, str] = os.environ,
) -> KafkaUrl:
    """The topic that a URL names.

    Args:
        url: as above; the password may hold any character.
        options: security settings by their names in SECURITY; those of the URL take precedence.
        environment: where `${NAME}` is looked up.

    Raises:
        SourceError: the URL is not one of Kafka, or its security settings contradict each other.
    """
    try:
        found = _URL.fullmatch(escape_credentials(url))
    except URLError as error:
        raise SourceError(str(error)) from None
    if not found:
        raise SourceError("a Kafka URL is kafka://HOST:PORT[,HOST:PORT]/TOPIC")

    def value(text: str) -> str:
        return _expand(unquote(text), environment)

    security = {name: value(text) for name, text in (options or {}).items() if text is not None}
    for name, text in parse_qsl(found["query"] or "", keep_blank_values=True):
        if name not in SECURITY:
            raise SourceError(
                f"a Kafka URL has no parameter '{name}'; it has {', '.join(SECURITY)}"
            )
        security[name] = _expand(text, environment)
    for name in ("user", "password"):
        if found[name] is not None:
            security[name] = value(found[name])
    servers = tuple(server.strip() for server in value(found["servers"]).split(","))
    topic = value(found["topic"])
    for server in servers:
        if not _SERVER.fullmatch(server):
            raise SourceError(f"'{server}' is not HOST:PORT, as in kafka://localhost:9092/clicks")
    if not _TOPIC.fullmatch(topic):
        raise SourceError(f"'{topic}' is no name of a topic: letters, digits, '.', '_' and '-'")
    return KafkaUrl(servers, topic, tuple(sorted(_client_security(security).items())))


def _client_security(settings: dict[str, str]) -> dict[str, str]:
    """kafka-python's arguments for security settings by their names in SECURITY."""
    user = settings.pop("user", None)
    password = settings.pop("password", None)
    protocol = settings.setdefault("security_protocol", "SASL_SSL" if user else "PLAINTEXT")
    if protocol not in PROTOCOLS:
        raise SourceError(f"security_protocol must be one of {', '.join(PROTOCOLS)}")
    if (user is not None or password is not None) and not protocol.startswith("SASL"):
        raise SourceError(f"a user or a password goes with SASL, not with {protocol}")
    if protocol.startswith("SASL"):
        if not user or password is None:
            raise SourceError(f"{protocol} needs a user and a password")
        mechanism = settings.setdefault("sasl_mechanism", "PLAIN")
        if mechanism not in MECHANISMS:
            raise SourceError(f"sasl_mechanism must be one of {', '.join(MECHANISMS)}")
        settings |= {"sasl_plain_username": user, "sasl_plain_password": password}
    return settings


def _expand(text: str, environment: Mapping[str, str]) -> str:
    def look_up(match: re.Match[str]) -> str:
        if match[1] not in environment:
            raise SourceError(f"the environment has no variable {match[1]}, which the URL names")
        return environment[match[1]]

    return _VARIABLE.sub(look_up, text)
