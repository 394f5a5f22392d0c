"""The server's settings and the options of `python -m serving`."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from inference.models.files import MODEL_BYTES
from rivulet.limits import MAX_FUTURE
from rivulet.settings import ArgumentParser, option

DEFAULT_STORE = "sqlite:///rivulet.db"
TOKEN_VARIABLE = "RIVULET_TOKEN"  # noqa: S105  # the variable's name, not the token
_STATIC = Path(__file__).parent / "static"
_MIN_TOKEN = 16
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number < 1 << 16:
        raise ValueError(f"{number} is no port: give 0 to 65535")
    return number


@dataclass(frozen=True)
class ServingSettings:
    """Server.

    Attributes:
        store: a store to read: an SQLAlchemy URL, mongodb:// or redis://; ${NAME} in it is
            replaced by an environment variable; ?prefix= as in the job's sinks. Give it several
            times for several stores: the first that has an answer is used.
        model: a model directory, or a folder of versions whose file CURRENT names the version in
            use (followed while the server runs). It ranks at POST /NAME; by default the name is
            the model's algorithm. Give it several times for several models, or `none`.
        max_model_bytes: largest size of a file of a model directory.
        dead_letters: the job's dead letters, JSON lines.
        decisions: decisions.jsonl of training.loop; the file CURRENT beside it says which versions
            share the users.
        graph: the drawing of the pipeline's graph, SVG.
        host: address to listen on; one that other machines can reach needs a token.
        port: port to listen on; 0 for any free one.
        token: what clients must present, at least 16 characters; the environment variable
            RIVULET_TOKEN keeps it from other accounts of this machine.
        store_timeout: time that a store has to answer a query.
        interval: time between two reads of the page's figures.
        picture_host: a host from which the page may load pictures of items, over https: the
            catalogue's images of other hosts are not shown. Can be given several times. Without
            one the page calls no other host.
        max_future: rows with a time further ahead of the clock than this are not shown.
        impressions: kafka://HOST:PORT[,HOST:PORT]/TOPIC that gets `user,T,time` for each answer
            with a user's newest list, for the job's --impressions; answers to queries for
            outcomes or older lists are none.
    """

    store: tuple[str, ...] = option((DEFAULT_STORE,), "URL", shown=DEFAULT_STORE)
    model: tuple[str, ...] | None = option(None, "[NAME=]DIR", shown="the packaged model")
    max_model_bytes: int = option(MODEL_BYTES, "BYTES", least=1)
    dead_letters: Path = option(Path("rivulet-dead-letters.jsonl"), "FILE")
    decisions: Path | None = option(None, "FILE", shown="that of a --model, where it has one")
    graph: Path = option(_STATIC / "graph.svg", "FILE", shown="the packaged drawing")
    host: str = option("127.0.0.1", "ADDRESS")
    port: int = option(8000, "PORT", parse=_port)
    token: str = option("", "TOKEN", secret=True, shown=f"{TOKEN_VARIABLE}, or none")
    store_timeout: float = option(2.0, "SECONDS", least=0.05, most=300)
    interval: float = option(1.0, "SECONDS", least=0.05, most=300)
    picture_host: tuple[str, ...] = option((), "HOST[:PORT]", shown="none")
    max_future: int = option(MAX_FUTURE, "SECONDS", least=0)
    impressions: str | None = option(None, "URL", shown="not written")

    def problems(self) -> list[str]:
        """What is wrong with the hosts of pictures, with the token, and with no token."""
        for host in self.picture_host:
            if not _HOST.fullmatch(host):
                return [f"--picture_host {host}: it is a host's name, such as img.example.com"]
        if self.token:
            printable = self.token.isascii() and self.token.isprintable()
            if len(self.token) < _MIN_TOKEN or not printable:
                return [f"the token needs at least {_MIN_TOKEN} printable ASCII characters"]
        elif not is_loopback(self.host):
            return [
                f"other machines can reach --host {self.host}, so a token is needed: "
                f"set {TOKEN_VARIABLE}, or give --token"
            ]
        return []


@dataclass(frozen=True)
class LimitSettings:
    """Limits on clients.

    Attributes:
        max_header_size: size of a request's first line and headers together.
        max_headers: number of a request's headers.
        max_body_size: size of a request's body.
        header_timeout: time in which a request's headers must arrive.
        request_timeout: time in which a request must arrive and be answered.
        write_timeout: time in which a client must read what was sent to it.
        keep_alive: time for which a connection without a request stays open.
        max_connections: connections; at the limit the connection that is idle for longest is
            closed for a new one.
        max_connections_per_peer: connections of one address (of one /64 network in IPv6).
        max_wrong_tokens: wrong tokens a minute from one address; further ones are refused
            without being compared.
        max_listeners: pages that receive live figures.
        threads: threads for work that would block other requests.
    """

    max_header_size: int = option(64 << 10, "BYTES", least=1024)
    max_headers: int = option(100, "N", least=10)
    max_body_size: int = option(4 << 20, "BYTES", least=1024)
    header_timeout: float = option(10.0, "SECONDS", above=0)
    request_timeout: float = option(30.0, "SECONDS", above=0)
    write_timeout: float = option(30.0, "SECONDS", above=0)
    keep_alive: float = option(15.0, "SECONDS", above=0)
    max_connections: int = option(1024, "N", least=1)
    max_connections_per_peer: int = option(256, "N", least=1)
    max_wrong_tokens: int = option(10, "N", least=1)
    max_listeners: int = option(256, "N", least=1)
    threads: int = option(4, "N", least=1, most=64)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server on `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse(argv: Sequence[str] | None = None) -> tuple[ServingSettings, LimitSettings]:
    """The settings of a command line; a bad option ends the process with status 2."""
    parser = ArgumentParser(
        prog="python -m serving",
        description="The web page and the JSON API over Rivulet's stores and models. Read only.",
    )
    parser.add_settings(ServingSettings)
    parser.add_settings(LimitSettings)
    given = parser.parse_args(argv)
    if not given.token:
        given.token = os.environ.get(TOKEN_VARIABLE, "")
    return (
        parser.settings_of(ServingSettings, given),
        parser.settings_of(LimitSettings, given),
    )
