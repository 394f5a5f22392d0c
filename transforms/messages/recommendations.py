"""Recommendations: the rows that stores take, and the labels of the policies that ranked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from transforms.columns.frames import Frame, coded
from transforms.messages.events import Bools, Float32s, Int64s

Labels = npt.NDArray[np.bytes_]


@coded
@dataclass(frozen=True, slots=True, eq=False)
class Recommendations(Frame):
    """Recommendations, a row per user and ranking time, as stores take them.

    Attributes:
        user: int64 [n].
        time: int64 [n], the ranking time in seconds since the epoch.
        items: int64 [n, k], best first, padded with 0.
        length: int64 [n], how many of `items` are valid.
        propensities: float32 [n, k], the probability with which each item was in the list; 1
            where nothing was drawn (`explored_places`), 0 after the last item.
        policy: bytes [n], the label of the policy that ranked (UTF-8), or b"popular".
        last_reward: int64 [n], how many items of the user's previous recommendation the user
            went on to; -1 where there was none.
    """

    USERS: ClassVar[tuple[str, ...]] = ("user",)
    ITEMS: ClassVar[tuple[str, ...]] = ("items",)

    user: Int64s
    time: Int64s
    items: Int64s
    length: Int64s
    propensities: Float32s
    policy: Labels
    last_reward: Int64s


def explored_places(propensities: Float32s) -> Bools:
    """Which places of lists were drawn: bool [n, k].

    A place was drawn where its item's propensity is below 1. Popular items that complete a list,
    and the items that a policy shows in any case, have the propensity 1.

    Args:
        propensities: float32 [n, k], 0 after the last item.
    """
    drawn: Bools = (propensities > 0) & (propensities < 1)
    return drawn


def coded_labels(labels: Labels) -> tuple[Labels, Int64s]:
    """Encodes labels by the distinct ones; fast where these are few.

    Returns:
        The distinct labels, ascending, and each row's index among them: int64 [n].
    """
    code = np.full(len(labels), -1, np.int64)
    names: list[bytes] = []
    while (rest := np.flatnonzero(code < 0)).size:
        name = labels[rest[0]]
        code[rest[labels[rest] == name]] = len(names)
        names.append(bytes(name))
    by_name = np.argsort(np.array(names, labels.dtype))
    rank = np.empty_like(by_name)
    rank[by_name] = np.arange(len(by_name))
    return np.array(names, labels.dtype)[by_name], rank[code]
