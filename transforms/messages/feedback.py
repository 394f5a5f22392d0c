"""Feedback: what users did with their recommendations (spec section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from transforms.columns.frames import Frame, coded
from transforms.messages.events import Float32s, Int64s
from transforms.messages.recommendations import Labels


@coded
@dataclass(frozen=True, slots=True, eq=False)
class Feedback(Frame):
    """Recommendations that were shown and what they earned, a row each (spec section 5).

    Attributes:
        user, time, items, length, propensities, policy: as in Recommendations.
        history: int64 [n, h], as in States.
        history_length: int64 [n], as in States.
        rewards: float32 [n, k], per item the reward of the best behavior that the user had
            on it within the reward window, of the events that are credited to this list; 0 where
            there was none.
        plain_rewards: float32 [n, k], the same without the events' values; [n, 0] where values do
            not weigh rewards.
    """

    COMPRESSED: ClassVar[bool] = True
    USERS: ClassVar[tuple[str, ...]] = ("user",)
    ITEMS: ClassVar[tuple[str, ...]] = ("items", "history")

    user: Int64s
    time: Int64s
    items: Int64s
    length: Int64s
    propensities: Float32s
    policy: Labels
    history: Int64s
    history_length: Int64s
    rewards: Float32s
    plain_rewards: Float32s
