"""The kinds of ids in a Redis database, and ids of users that have no keys of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import redis

from sinks.base import Refusal, SinkError
from transforms.messages.events import EventBatch
from transforms.messages.id_kinds import INTEGERS, IdKinds
from transforms.messages.job import JobSettings
from transforms.messages.recommendations import Recommendations

RESERVED = (":events", ":time")
"""Ends of the names of the keys beside `history:<user>` and `recommendations:<user>`."""

_WHY = "an id of a user that ends in :events or :time has no keys of its own in Redis"

F = TypeVar("F", EventBatch, Recommendations)


def kinds_of(client: redis.Redis, prefix: str = "") -> IdKinds | None:
    """The kinds of ids of the job that wrote last with a prefix; None where there is none."""
    text: Any = client.get(f"{prefix}job:settings")
    try:
        return None if text is None else IdKinds.of_settings(JobSettings.from_json(text).settings)
    except ValueError:
        return INTEGERS


def check_ids(name: str, client: redis.Redis, ids: IdKinds, prefix: str = "") -> None:
    """Checks that the keys of a database have ids of these kinds.

    Raises:
        SinkError: they have ids of other kinds.
    """
    known = kinds_of(client, prefix)
    if known not in (None, ids):
        raise SinkError(
            f"{name}: a job wrote to this database whose {known}; of this job's ids, {ids}: "
            "name another database, as redis://HOST/1, or a prefix, as redis://HOST/0?prefix=shop_"
        )


def without_reserved(table: str, frame: F) -> tuple[F, Sequence[Refusal]]:
    """The rows whose users have keys of their own, and the others as refusals.

    Args:
        table: the keys' prefix.
        frame: the rows.
    """
    names = None if frame.names is None else frame.names.user
    if names is None:
        return frame, []
    ends = [pc.ends_with(names.text, end) for end in RESERVED]
    reserved = pc.or_(*ends)
    if not pc.any(reserved).as_py():
        return frame, []
    is_bad = np.isin(frame.user, names.key[reserved.to_numpy(zero_copy_only=False)])
    bad = frame.take(is_bad)
    users = names.text.take(pa.array(names.rows(bad.user))).to_pylist()
    refusals = [
        Refusal(table, {"user": user, "time": time}, _WHY, time)
        for user, time in zip(users, bad.time.tolist(), strict=True)
    ]
    return frame.take(~is_bad), refusals
