"""One text of JSON, read by Python as orjson reads it: for what is explained or inspected."""

from __future__ import annotations

import json
from typing import Any


def load_json(raw: str | bytes) -> Any:
    """The value of a text of JSON.

    Raises:
        ValueError: it is none, or a text in it has half of a surrogate pair.
        RecursionError: it is nested too deeply.
    """
    found = json.loads(raw)
    if ("\\u" if isinstance(raw, str) else b"\\u") in raw:  # type: ignore[operator]
        try:
            json.dumps(found, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ValueError(
                "a text has half of a surrogate pair (\\ud800 to \\udfff): write both"
            ) from None
    return found
