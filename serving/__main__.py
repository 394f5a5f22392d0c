"""The command `python -m serving`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from contextlib import suppress

from serving.app import create_app
from serving.http.server import BindError, address_of, bind, serve
from serving.options import Settings, parse
from serving.stores.base import StoreURLError


def main(argv: Sequence[str] | None = None) -> int:
    """Serves until Ctrl-C; returns the exit status."""
    settings = parse(argv)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    try:
        app = create_app(settings)
        bound = bind(settings.host, settings.port)
    except (StoreURLError, ValueError, BindError) as error:
        print(f"python -m serving: {error}", file=sys.stderr)
        return 2
    _greet(address_of(bound), settings)
    with suppress(KeyboardInterrupt):
        serve(app, settings, bound)
    return 0


def _greet(address: str, settings: Settings) -> None:
    token = " (it will ask for the token)" if settings.token else ""
    print(f"Rivulet's page: {address}{token}")
    print(f"The API's documentation: {address}docs   Ctrl-C stops.", flush=True)


if __name__ == "__main__":
    sys.exit(main())
