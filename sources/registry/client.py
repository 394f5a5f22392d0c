"""Schemas from a schema registry, over HTTP (Confluent's API: GET /schemas/ids/ID)."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from rivulet.urls import public_name
from sources.errors import SourceError
from sources.registry.errors import SchemaError
from sources.registry.time_limit import LimitedRequest, TimeLimit, limited_opener

if TYPE_CHECKING:
    from sources.registry.avro import AvroSchema
    from sources.registry.protobuf import ProtobufSchema

TIMEOUT_S = 10
"""Longest time for a request, from the connection to the last byte of the answer, in seconds."""
MOST_BYTES = 1 << 20
"""Longest answer, in bytes."""
MOST_SCHEMAS = 1_000
TRIES = 6
_PART = 1 << 16
FORGET_S = 60.0
"""After so long the registry is asked again for a schema that it does not have."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the password would go to wherever the answer points."""

    def redirect_request(self, *_: Any) -> None:
        """No request: the answer is an error with its status."""


_OPENER = limited_opener(_NoRedirect)


class SchemaRegistry:
    """A registry, with the schemas that it gave; they never change.

    Args:
        url: http:// or https://, with a user and a password where the registry asks for them.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self.name = public_name(url)
        self._url = parts._replace(netloc=host).geturl().rstrip("/")
        self._headers = {"Accept": "application/vnd.schemaregistry.v1+json"}
        if parts.username:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        self._lock = threading.Lock()
        self._known: dict[int, AvroSchema | ProtobufSchema] = {}
        self._unusable: dict[int, tuple[float, str]] = {}
        self._asking: dict[int, threading.Lock] = {}

    def schema(self, number: int) -> AvroSchema | ProtobufSchema | str:
        """A schema by its id, or in words why there is none that can be used.

        Raises:
            SourceError: the registry does not answer, or refuses the user; or the package that
                reads such values is not installed.
        """
        with self._lock:
            if (found := self._found(number)) is not None:
                return found
            asking = self._asking.setdefault(number, threading.Lock())
        # Threads wait for the schema that they need alone.
        with asking:
            with self._lock:
                if (found := self._found(number)) is not None:
                    return found
            try:
                found = self._read(number)
            except SchemaError as error:
                found = str(error)
            finally:
                with self._lock:
                    self._asking.pop(number, None)
            with self._lock:
                self._keep(number, found)
            return found

    def _found(self, number: int) -> AvroSchema | ProtobufSchema | str | None:
        """What is known of a schema; None where the registry is to be asked."""
        if number in self._known:
            return self._known[number]
        asked, why = self._unusable.get(number, (-FORGET_S, ""))
        return why if time.monotonic() - asked < FORGET_S else None

    def _keep(self, number: int, found: AvroSchema | ProtobufSchema | str) -> None:
        if isinstance(found, str):
            if len(self._unusable) >= MOST_SCHEMAS:
                self._unusable.clear()
            self._unusable[number] = time.monotonic(), found
            return
        if len(self._known) >= MOST_SCHEMAS:
            self._known.clear()
        self._known[number] = found

    def _read(self, number: int) -> AvroSchema | ProtobufSchema:
        kind, text = _parse(self._ask(number))
        if kind == "AVRO":
            with _package("avro", "fastavro"):
                from sources.registry.avro import parse_avro_schema
            return parse_avro_schema(text)
        if kind == "PROTOBUF":
            with _package("protobuf", "protobuf"):
                from sources.registry.protobuf import parse_protobuf_schema
            return parse_protobuf_schema(_parse(self._ask(number, "?format=serialized"))[1])
        raise SchemaError(f"the schema is of the type {kind:.20}: AVRO and PROTOBUF are read")

    def _ask(self, number: int, form: str = "") -> bytes:
        url = f"{self._url}/schemas/ids/{number}{form}"
        for attempt in range(TRIES):
            limit = TimeLimit(TIMEOUT_S)
            try:
                content = self._answer(url, limit)
            except urllib.error.HTTPError as error:
                if error.code == 404:
                    raise SchemaError(f"the registry has no schema {number}{form}") from None
                if error.code == 501:
                    raise SchemaError(
                        f"the registry does not support /schemas/ids/{number}{form}"
                    ) from None
                if error.code < 500 and error.code != 429:
                    raise SourceError(
                        f"--schema_registry {self.name}: status {error.code} for schema {number}"
                    ) from None
                why = f"status {error.code}"
            except (OSError, http.client.HTTPException) as error:
                why = str(getattr(error, "reason", error)).strip()
                if limit.is_over:  # Then the error is what a closed connection gives.
                    why = f"the answer takes longer than {TIMEOUT_S} s"
            else:
                if len(content) > MOST_BYTES:
                    raise SchemaError(f"schema {number} has more than {MOST_BYTES:,} bytes")
                return content
            if attempt < TRIES - 1:
                time.sleep(0.5 * 2**attempt)
        raise SourceError(f"--schema_registry {self.name} does not answer: {why}")

    def _answer(self, url: str, limit: TimeLimit) -> bytes:
        request = LimitedRequest(url, self._headers, limit)
        with limit, _OPENER.open(request, timeout=TIMEOUT_S) as answer:
            content = _content(answer)
            if limit.is_over:  # The connection's end may look like that of the answer.
                raise TimeoutError
            return content


def _content(answer: http.client.HTTPResponse) -> bytes:
    """The body, of which no more than one byte beyond the limit is read.

    Raises:
        OSError: it is not whole.
    """
    content = b""
    while len(content) <= MOST_BYTES and (part := answer.read1(_PART)):
        content += part
    if len(content) <= MOST_BYTES and answer.length:
        raise OSError("the answer is not whole")
    return content


@contextlib.contextmanager
def _package(extra: str, name: str) -> Iterator[None]:
    """Names the extra to install where a package is missing."""
    try:
        yield
    except ImportError:
        raise SourceError(
            f"--schema_registry has values that need {name}: pip install 'rivulet[{extra}]'"
        ) from None


def _parse(content: bytes) -> tuple[str, Any]:
    """The type and the text of a schema.

    Raises:
        SchemaError: the answer is none, or the schema refers to others.
    """
    try:
        answer: Any = json.loads(content)
        kind = answer.get("schemaType", "AVRO")
        text = answer["schema"]
        if answer.get("references"):
            raise SchemaError("the schema refers to others, which is not supported")
    except (ValueError, RecursionError, KeyError, AttributeError) as error:
        raise SchemaError("the registry's answer is not a schema") from error
    return str(kind), text


@cache
def registry_at(url: str) -> SchemaRegistry:
    """This process's client of a registry."""
    return SchemaRegistry(url)
