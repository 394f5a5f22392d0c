"""Which versions of a model rank for which users, from which event time on: the file CURRENT.

CURRENT holds the name of one version, or a JSON object:

    {"stages": [{"since": 0, "shares": {"v1": 1}},
                {"since": 1700000400, "shares": {"v1": 0.9, "v2": 0.1}, "salt": "v2"}]}

A stage holds for the ranking times from `since` on, until the next one. Its versions share the
users by a hash of the user and the salt. So which version ranks depends on the user and the event
time alone, also where a job repeats what it did before a crash. This module needs no PyTorch.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from inference.exploration.keyed import hash_of_text, seeds
from inference.models.files import ModelError

Int64s = npt.NDArray[np.int64]

GRID = 60
"""Seconds of event time on whose multiples stages begin."""
MOST_STAGES, MOST_SHARES = 64, 8
_SHARES = hash_of_text(b"stage shares")


@dataclass(frozen=True, slots=True)
class Stage:
    """A time in which versions share the users.

    Attributes:
        since: its first ranking time, a multiple of GRID, in seconds since the epoch.
        shares: pairs of a version and its share of the users; the shares add up to 1.
        salt: another text gives other users to the versions.
    """

    since: int
    shares: tuple[tuple[str, float], ...]
    salt: str = ""

    @property
    def main(self) -> str:
        """The version with the largest share; of equal ones the first."""
        return max(self.shares, key=lambda pair: pair[1])[0]

    def version_of(self, users: Int64s) -> Int64s:
        """The version of each user: int64 [n], places in `shares`.

        A version whose share grows keeps its users, if it stands in the same end of the shares.
        """
        salt = hash_of_text(self.salt.encode())
        place = (seeds(_SHARES, salt, users) >> np.uint64(11)).astype(np.float64) / float(1 << 53)
        edges = np.cumsum([share for _, share in self.shares])
        found = np.searchsorted(edges / edges[-1], place, side="right")
        last = max(at for at, (_, share) in enumerate(self.shares) if share > 0)
        return np.minimum(found, last).astype(np.int64)


def ceiling(time: int) -> int:
    """The first time at which a stage can begin that is not before `time`."""
    return -(-time // GRID) * GRID


def stage_of(stages: Sequence[Stage], times: Int64s) -> Int64s:
    """The stage of each ranking time: int64 [n], places in `stages`; the first before all."""
    begins = np.array([stage.since for stage in stages], np.int64)
    return np.maximum(np.searchsorted(begins, times, side="right") - 1, 0).astype(np.int64)


def to_text(stages: Sequence[Stage]) -> str:
    """The stages as CURRENT has them."""
    rows = [
        {"since": stage.since, "shares": dict(stage.shares), "salt": stage.salt} for stage in stages
    ]
    return json.dumps({"stages": rows}) + "\n"


def parse_current(text: str, path: Path) -> tuple[Stage, ...]:
    """The stages that CURRENT says; a name alone is one stage.

    Args:
        text: the file's content.
        path: the file, for errors.

    Raises:
        ModelError: the text is wrong.
    """
    if not text.startswith("{"):
        return (Stage(0, ((_version(text, path), 1.0),)),)
    try:
        rows = json.loads(text)["stages"]
        stages = tuple(_stage(row, path) for row in rows)
        if not stages or len(stages) > MOST_STAGES:
            raise ValueError(f"it has {len(stages)} stages, not 1 to {MOST_STAGES}")
        if any(later.since <= stage.since for stage, later in pairwise(stages)):
            raise ValueError("a stage does not begin after the one before")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ModelError(f"{path} names no stages: {error!r}"[:300]) from error
    return stages


def _stage(row: dict[str, Any], path: Path) -> Stage:
    since, shares, salt = row["since"], row["shares"], row.get("salt", "")
    if type(since) is not int or since < 0 or since % GRID or since >= 1 << 40:
        raise ValueError(f"since {since!r} is no multiple of {GRID} s")
    if type(salt) is not str or not 0 < len(shares) <= MOST_SHARES:
        raise ValueError(f"a stage has a text as salt, and 1 to {MOST_SHARES} shares")
    found = tuple((_version(name, path), float(share)) for name, share in shares.items())
    total = math.fsum(share for _, share in found)
    if not all(0 <= share <= 1 for _, share in found) or abs(total - 1) > 1e-6:
        raise ValueError("the shares of a stage add up to 1")
    return Stage(since, found, salt)


def _version(name: str, path: Path) -> str:
    if not name or name in (".", "..") or Path(name).name != name or "\0" in name:
        raise ModelError(f"{path} names no sub-folder: {name[:80]!r}")
    return name
