"""Calls of a script for many users."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import redis
from redis.commands.core import Script

USERS_PER_CALL = 300
"""Users of one call of a script. Redis executes nothing else during a call."""

CALLS_IN_FLIGHT = 8
"""Calls that are sent before their answers are read."""


def call_for_users(
    client: redis.Redis,
    script: Script,
    prefix: str,
    users: list[Any],
    arguments: Callable[[slice], Iterable[str | int]],
) -> Iterator[tuple[int, str]]:
    """Calls a script for all users, with the key `prefix:user` of each.

    Several calls are sent at once. With one call at a time the server would idle after each answer
    until this process is scheduled.

    Args:
        client: a client.
        script: takes the keys and returns the indexes of those that it refused.
        prefix: prefix of the keys.
        users: the users.
        arguments: the script's arguments for a slice of the users.

    Yields:
        The index and the key of each user who was refused.

    Raises:
        RedisError: a call failed.
    """
    step = USERS_PER_CALL
    slices = [slice(start, start + step) for start in range(0, len(users), step)]
    for first in range(0, len(slices), CALLS_IN_FLIGHT):
        sent = slices[first : first + CALLS_IN_FLIGHT]
        keys = [[f"{prefix}:{user}" for user in users[part]] for part in sent]
        with client.pipeline(transaction=False) as pipe:
            for part, names in zip(sent, keys, strict=True):
                script(keys=names, args=list(arguments(part)), client=pipe)
            answers = pipe.execute(raise_on_error=False)
        for part, names, answer in zip(sent, keys, answers, strict=True):
            if isinstance(answer, Exception):
                raise answer
            for index in answer:
                yield part.start + index, names[index]
