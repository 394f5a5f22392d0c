"""The command's options."""

from __future__ import annotations

import argparse
import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

DEFAULT_STORE = "sqlite:///rivulet.db"
DEFAULT_DEAD_LETTERS = Path("rivulet-dead-letters.jsonl")
DEFAULT_GRAPH = Path(__file__).parent / "static" / "graph.svg"
TOKEN_VARIABLE = "RIVULET_TOKEN"  # noqa: S105  # the variable's name, not the token
_SHORTEST_TOKEN = 16


@dataclass(frozen=True, slots=True)
class Settings:
    """What the server serves, and how.

    Attributes:
        stores: URLs, in the order in which they are asked.
        models: model directories; None for the packaged model.
        dead_letters: the job's JSON lines file.
        graph: the pipeline's drawing.
        host: address to listen on.
        port: 0 for any free one.
        token: what a client must show; empty for none.
        store_timeout: seconds that a store may take to answer.
        interval: seconds between two looks at the stores for the page.
    """

    stores: tuple[str, ...] = (DEFAULT_STORE,)
    models: tuple[str, ...] | None = None
    dead_letters: Path = DEFAULT_DEAD_LETTERS
    graph: Path = DEFAULT_GRAPH
    host: str = "127.0.0.1"
    port: int = 8000
    token: str = field(default="", repr=False)
    store_timeout: float = 2.0
    interval: float = 1.0


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server on `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (--help explains the options)\n")


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number < 1 << 16:
        raise argparse.ArgumentTypeError(f"{number} is no port: give 0 to 65535")
    return number


def _seconds(text: str) -> float:
    number = float(text)
    if not 0.05 <= number <= 300:
        raise argparse.ArgumentTypeError(f"give 0.05 to 300 seconds, not {text}")
    return number


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m serving",
        description="The web page and the JSON API over Rivulet's stores and models. Read only.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--store",
        action="append",
        metavar="URL",
        help="a store to show, several times for several; the first that has something answers: "
        "SQLAlchemy's URLs, mongodb:// and redis:// "
        f"(default: {DEFAULT_STORE})",
        default=argparse.SUPPRESS,
    )
    parser.add_argument(
        "--model",
        action="append",
        metavar="[NAME=]DIR",
        help="a model directory, or a folder of versions whose file CURRENT names the one in use "
        "(followed as it changes), to rank with at POST /NAME (by default the name is its "
        "algorithm), several times for several; none for no ranking (default: the packaged model)",
        default=argparse.SUPPRESS,
    )
    parser.add_argument(
        "--dead_letters",
        type=Path,
        metavar="FILE",
        default=DEFAULT_DEAD_LETTERS,
        help="the job's dead letters, JSON lines",
    )
    parser.add_argument(
        "--graph", type=Path, metavar="FILE", default=DEFAULT_GRAPH, help="the pipeline's graph"
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on; one that others can reach needs a token",
    )
    parser.add_argument("--port", type=_port, default=8000, help="port to listen on; 0: any")
    parser.add_argument(
        "--token",
        help=f"what clients must show, {_SHORTEST_TOKEN} characters at least; better given as "
        f"{TOKEN_VARIABLE} in the environment, where other accounts do not see it",
        default=argparse.SUPPRESS,
    )
    parser.add_argument(
        "--store_timeout",
        type=_seconds,
        default=2.0,
        metavar="SECONDS",
        help="how long a store may take to answer",
    )
    parser.add_argument(
        "--interval",
        type=_seconds,
        default=1.0,
        metavar="SECONDS",
        help="how often the page's numbers are read anew",
    )
    return parser


def parse(argv: Sequence[str] | None = None) -> Settings:
    """The settings of a command line; a bad option ends the process with status 2."""
    parser = _parser()
    given = parser.parse_args(argv)
    token = getattr(given, "token", None)
    if token is None:
        token = os.environ.get(TOKEN_VARIABLE, "")
    if token and (len(token) < _SHORTEST_TOKEN or not token.isascii() or not token.isprintable()):
        parser.error(f"the token must have {_SHORTEST_TOKEN} printable ASCII characters at least")
    if not token and not is_loopback(given.host):
        parser.error(
            f"--host {given.host} can be reached by others, so a token is needed: "
            f"set {TOKEN_VARIABLE}, or give --token"
        )
    models = getattr(given, "model", None)
    return Settings(
        stores=tuple(getattr(given, "store", (DEFAULT_STORE,))),
        models=None if models is None else tuple(models),
        dead_letters=given.dead_letters,
        graph=given.graph,
        host=given.host,
        port=given.port,
        token=token,
        store_timeout=given.store_timeout,
        interval=given.interval,
    )
