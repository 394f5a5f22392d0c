"""How pairs of items are formed, counted and ranked."""

from __future__ import annotations

from dataclasses import dataclass

KEPT = 256
"""Items that are kept for an item of a slot: the best of the slot, when all of it is counted."""


@dataclass(frozen=True)
class RelatedRules:
    """The rules of related items.

    Two items are a pair in a slot of event time, `gap` seconds long, where a user had an event on
    the later one in the slot and on the earlier one less than `gap` seconds before. Only a user's
    first event on an item since `gap` seconds before the slot counts, and the later item pairs with
    up to `history` of the user's items before it. So a user counts once for a pair in a slot.

    A window is [end - window, end), and its ends are multiples of `period`. It gives the list of
    each item that is in a pair of its last `period` seconds, by the sums over the whole window.

    Attributes:
        window: seconds of event time, a multiple of `gap`.
        period: seconds of event time, a multiple of `gap`.
        gap: seconds of event time.
        history: items before an item that it pairs with, at the most.
        size: items of a list, at the most.
        items: items that get a list in a window, at the most, those with the largest sums; of each
            shard of items an equal share.
        shards: shards of users, and of items.
    """

    window: int
    period: int
    gap: int
    history: int
    size: int
    items: int
    shards: int

    @property
    def items_of_shard(self) -> int:
        """Items of a shard that get a list in a window, at the most."""
        return -(-self.items // self.shards)
