"""Removes a user's keys from Redis."""

from __future__ import annotations

from collections.abc import Sequence

import redis

KINDS = ("history", "recommendations")
_BESIDE = ("", ":events", ":time")
"""What follows a user's id in the names of the user's keys."""


def remove_user(
    client: redis.Redis, ids: Sequence[int | str], dry_run: bool, prefix: str = ""
) -> dict[str, int]:
    """Removes the keys of a user; returns how many by kind.

    Args:
        client: a client.
        ids: the values that stand for the user; equal ones are written alike.
        dry_run: count, and change nothing.
        prefix: what is before the names of the keys.
    """
    names = dict.fromkeys(map(str, ids))
    removed = {}
    for kind in KINDS:
        keys = [f"{prefix}{kind}:{name}{more}" for name in names for more in _BESIDE]
        removed[kind] = client.exists(*keys) if dry_run else client.delete(*keys)
    return removed
