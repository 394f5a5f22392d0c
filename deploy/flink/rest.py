"""Flink's REST interface, as far as bringing a cluster up needs it."""

import json
from typing import Any
from urllib.request import urlopen

TIMEOUT_S = 10.0


def get(address: str, path: str) -> dict[str, Any]:
    """Ask the job manager.

    Args:
        address: Its web address, like `http://127.0.0.1:8081`.
        path: What to ask for, like `/overview`.

    Raises:
        OSError: It does not answer, or answers with an error.
    """
    with urlopen(f"{address}{path}", timeout=TIMEOUT_S) as answer:  # noqa: S310 (http only)
        found: dict[str, Any] = json.load(answer)
    return found
