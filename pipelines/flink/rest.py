"""Flink's REST interface."""

import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

TIMEOUT_S = 10.0


def get(address: str, path: str) -> dict[str, Any]:
    """Ask the job manager.

    Args:
        address: Its web address, like `http://127.0.0.1:8081`.
        path: What to ask for, like `/overview`.

    Raises:
        OSError: It does not answer, or answers with an error.
    """
    found: dict[str, Any] = _answer(Request(f"{address}{path}"))  # noqa: S310 (http only)
    return found


def get_list(address: str, path: str) -> list[dict[str, Any]]:
    """Ask the job manager for what it answers with a list, like metrics; see `get`."""
    found: list[dict[str, Any]] = _answer(Request(f"{address}{path}"))  # noqa: S310
    return found


def post(address: str, path: str, what: dict[str, Any]) -> dict[str, Any]:
    """Tell the job manager to do something.

    Args:
        address: Its web address.
        path: The operation, like `/jobs/ID/stop`.
        what: The operation's arguments.

    Raises:
        OSError: It does not answer, or refuses; the text holds its reason.
    """
    body = json.dumps(what).encode()
    headers = {"Content-Type": "application/json"}
    request = Request(f"{address}{path}", body, headers, method="POST")  # noqa: S310
    found: dict[str, Any] = _answer(request)
    return found


def patch(address: str, path: str) -> None:
    """Tell the job manager to end a job (`/jobs/ID?mode=cancel`); see `post`."""
    _answer(Request(f"{address}{path}", b"", method="PATCH"))  # noqa: S310 (http only)


def _answer(request: Request) -> Any:
    try:
        with urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 (http only)
            return json.load(answer)
    except HTTPError as error:
        raise OSError(f"Flink answers {error.code}: {_reason(error)}") from error


def _reason(error: HTTPError) -> str:
    """The first line of what Flink says, which goes on with a Java stack."""
    try:
        said = "\n".join(json.loads(error.read())["errors"])
    except (ValueError, KeyError, OSError):
        return str(error.reason)
    lines = [line for line in said.splitlines() if line.strip() and not line.startswith("<")]
    return lines[0] if lines else str(error.reason)
