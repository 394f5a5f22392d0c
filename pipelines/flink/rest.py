"""Flink's REST interface."""

import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

TIMEOUT_S = 60.0


def get(address: str, path: str) -> dict[str, Any]:
    """A resource of the job manager that is a JSON object.

    Args:
        address: the job manager's web address, like `http://127.0.0.1:8081`.
        path: the resource, like `/overview`.

    Raises:
        OSError: it does not answer, or answers with an error.
    """
    found: dict[str, Any] = _answer(Request(f"{address}{path}"))  # noqa: S310 (http only)
    return found


def get_list(address: str, path: str) -> list[dict[str, Any]]:
    """A resource of the job manager that is a JSON list, like metrics; see `get`."""
    found: list[dict[str, Any]] = _answer(Request(f"{address}{path}"))  # noqa: S310
    return found


def post(address: str, path: str, what: dict[str, Any]) -> dict[str, Any]:
    """Starts an operation of the job manager.

    Args:
        address: the job manager's web address.
        path: the operation, like `/jobs/ID/stop`.
        what: the operation's arguments.

    Returns:
        Its answer.

    Raises:
        OSError: it does not answer, or refuses; the text includes its reason.
    """
    body = json.dumps(what).encode()
    headers = {"Content-Type": "application/json"}
    request = Request(f"{address}{path}", body, headers, method="POST")  # noqa: S310
    found: dict[str, Any] = _answer(request)
    return found


def patch(address: str, path: str) -> None:
    """Changes a job, as `/jobs/ID?mode=cancel` does; see `post`."""
    _answer(Request(f"{address}{path}", b"", method="PATCH"))  # noqa: S310 (http only)


def _answer(request: Request) -> Any:
    try:
        with urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 (http only)
            return json.load(answer)
    except HTTPError as error:
        raise OSError(f"Flink answers {error.code}: {_reason(error)}") from error


def _reason(error: HTTPError) -> str:
    """The first line of Flink's message, which includes a Java stack trace."""
    try:
        said = "\n".join(json.loads(error.read())["errors"])
    except (ValueError, KeyError, OSError):
        return str(error.reason)
    lines = [line for line in said.splitlines() if line.strip() and not line.startswith("<")]
    return lines[0] if lines else str(error.reason)
