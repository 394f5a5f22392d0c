"""The command `python -m serving`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from contextlib import suppress

from serving.options import ServingSettings, parse


def main(argv: Sequence[str] | None = None) -> int:
    """Serves until Ctrl-C; returns the exit status."""
    settings, limits = parse(argv)
    # The web framework and the stores' drivers take seconds to import; --help needs none of them.
    from serving.app import create_app
    from serving.http.server import BindError, address_of, bind, serve

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    try:
        app = create_app(settings, limits)
        listener = bind(settings.host, settings.port)
    except (ValueError, BindError) as error:
        print(f"python -m serving: {error}", file=sys.stderr)
        return 2
    _print_addresses(address_of(listener), settings)
    with suppress(KeyboardInterrupt):
        serve(app, settings, limits, listener)
    return 0


def _print_addresses(address: str, settings: ServingSettings) -> None:
    token = " (it asks for the token)" if settings.token else ""
    print(f"Page: {address}{token}")
    print(f"API documentation: {address}docs   Ctrl-C stops.", flush=True)


if __name__ == "__main__":
    sys.exit(main())
