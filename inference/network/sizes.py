"""The shape of a policy's network, as model.json keeps it. This module needs no PyTorch."""

from __future__ import annotations

from dataclasses import dataclass

STATE_LIMIT = 1e30
"""Largest absolute value in a state: with float32 weights no sum in the head then overflows."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """The shape of a policy's network.

    Attributes:
        items: known items. The item table has one more row, for unknown items.
        users: known users. The user table has one more row, for unknown users.
        item_dim: length of an item's embedding.
        user_dim: length of a user's embedding; 0 for a policy that does not distinguish users.
        window: number of last items that the state is computed from.
        encoder: name of the encoder that reads them (`inference.network.encoder.ENCODERS`).
        hidden: width of the heads' hidden layers.
        repeats: whether items of the window get a score of their own
            (`inference.network.repeats`).
        neighbours: items that the search finds and a critic ranks
            (`inference.search.critic_ranking`); 0 for no critic.
    """

    items: int
    users: int
    item_dim: int = 32
    user_dim: int = 16
    window: int = 10
    encoder: str = "attention"
    hidden: int = 64
    repeats: bool = False
    neighbours: int = 0

    @property
    def state(self) -> int:
        """Length of a state vector."""
        return self.item_dim + self.user_dim
