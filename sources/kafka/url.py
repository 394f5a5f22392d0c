"""A topic's URL, with what its brokers want to know of the client.

    kafka://[USER:PASSWORD@]HOST:PORT[,HOST:PORT]/TOPIC[?security_protocol=SASL_SSL&...]

`${NAME}` stands for the environment's variable NAME, in any part. Neither `repr` nor an error
shows a password.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

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
    """A topic and how to reach it.

    Attributes:
        servers: `HOST:PORT` of brokers to begin with.
        topic: its name.
        security: kafka-python's settings for TLS and SASL, as pairs; never shown.
    """

    servers: tuple[str, ...]
    topic: str
    security: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        return f"kafka://{','.join(self.servers)}/{self.topic}"

    def client(self) -> dict[str, Any]:
        """What every one of kafka-python's clients is to be told."""
        return {"bootstrap_servers": list(self.servers), **dict(self.security)}


def parse_url(
    url: str,
    options: Mapping[str, str | None] | None = None,
    environment: Mapping[str, str] = os.environ,
) -> KafkaUrl:
    """The topic that a URL names.

    Args:
        url: as above.
        options: security by its names in SECURITY; what the URL says goes first.
        environment: where `${NAME}` is looked up.

    Raises:
        SourceError: the URL is not one of Kafka, or its security makes no sense.
    """
    found = _URL.fullmatch(url)
    if not found:
        raise SourceError("a Kafka URL is kafka://HOST:PORT[,HOST:PORT]/TOPIC")

    def value(text: str) -> str:
        return _expand(unquote(text), environment)

    said = {name: value(text) for name, text in (options or {}).items() if text is not None}
    for name, text in parse_qsl(found["query"] or "", keep_blank_values=True):
        if name not in SECURITY:
            raise SourceError(f"a Kafka URL knows no '{name}'; it knows {', '.join(SECURITY)}")
        said[name] = _expand(text, environment)
    for name in ("user", "password"):
        if found[name] is not None:
            said[name] = value(found[name])
    servers = tuple(server.strip() for server in value(found["servers"]).split(","))
    topic = value(found["topic"])
    for server in servers:
        if not _SERVER.fullmatch(server):
            raise SourceError(f"'{server}' is not HOST:PORT, as in kafka://localhost:9092/clicks")
    if not _TOPIC.fullmatch(topic):
        raise SourceError(f"'{topic}' is no name of a topic: letters, digits, '.', '_' and '-'")
    return KafkaUrl(servers, topic, tuple(sorted(_security(said).items())))


def _security(said: dict[str, str]) -> dict[str, str]:
    user = said.pop("user", None)
    password = said.pop("password", None)
    protocol = said.setdefault("security_protocol", "SASL_SSL" if user else "PLAINTEXT")
    if protocol not in PROTOCOLS:
        raise SourceError(f"security_protocol must be one of {', '.join(PROTOCOLS)}")
    if (user is not None or password is not None) and not protocol.startswith("SASL"):
        raise SourceError(f"a user or a password goes with SASL, not with {protocol}")
    if protocol.startswith("SASL"):
        if not user or password is None:
            raise SourceError(f"{protocol} needs a user and a password")
        mechanism = said.setdefault("sasl_mechanism", "PLAIN")
        if mechanism not in MECHANISMS:
            raise SourceError(f"sasl_mechanism must be one of {', '.join(MECHANISMS)}")
        said |= {"sasl_plain_username": user, "sasl_plain_password": password}
    return said


def _expand(text: str, environment: Mapping[str, str]) -> str:
    def look_up(match: re.Match[str]) -> str:
        if match[1] not in environment:
            raise SourceError(f"the environment has no variable {match[1]}, which the URL names")
        return environment[match[1]]

    return _VARIABLE.sub(look_up, text)
