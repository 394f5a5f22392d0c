"""The settings of related items: what users buy or look at together."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rivulet.settings import option
from transforms.messages.related_kinds import KINDS

if TYPE_CHECKING:
    from transforms.related.rules import RelatedRules


def _kind(text: str) -> str:
    if text not in KINDS:
        raise ValueError(f"it is bought, viewed, or both with a comma between them, not {text!r}")
    return text


@dataclass(frozen=True)
class RelatedSettings:
    """Related items: what users buy or look at together.

    Attributes:
        related: bought counts pairs of items that a user buys together, viewed those that a user
            has any events on; the lists go to the stores of the popular items, the newest of each
            item.
        related_window: events that a list counts, in seconds of event time; a multiple of
            --related_gap.
        related_period: time between two rankings, in seconds of event time; a multiple of
            --related_gap. An item gets a new list where it is in a pair of the last period.
        related_gap: two items are a pair where a user's events on them are less than so many
            seconds of event time apart. A user counts once for a pair in each so many seconds.
        related_history: an item pairs with up to so many of the user's items before it.
        related_size: items of a list.
        related_items: items that get a list in a window, those with the largest sums; each of the
            --shards gives an equal share of them.
    """

    related: tuple[str, ...] = option((), "KIND,..", parse=_kind, separated=True, shown="none")
    related_window: int = option(86_400, "SECONDS", least=1)
    related_period: int = option(21_600, "SECONDS", least=1)
    related_gap: int = option(1_800, "SECONDS", least=1)
    related_history: int = option(5, "N", least=1, most=100)
    related_size: int = option(20, "N", least=1, most=100)
    related_items: int = option(100_000, "N", least=1)

    def rules(self, shards: int) -> RelatedRules:
        """How pairs are formed, counted and ranked.

        Args:
            shards: shards of users, and of items.
        """
        # It imports NumPy, which --help must not wait for.
        from transforms.related.rules import RelatedRules

        return RelatedRules(
            self.related_window, self.related_period, self.related_gap, self.related_history,
            self.related_size, self.related_items, shards,
        )  # fmt: skip

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        found = []
        if len(set(self.related)) < len(self.related):
            found.append(f"--related={','.join(self.related)} names a kind twice")
        spans = {"window": self.related_window, "period": self.related_period}
        found += [
            f"--related_{name}={span} is no multiple of --related_gap={self.related_gap}, in which "
            "pairs are counted"
            for name, span in spans.items()
            if span % self.related_gap
        ]
        if self.related_window < self.related_period:
            found.append(
                f"--related_window={self.related_window} is shorter than --related_period="
                f"{self.related_period}: events between two windows would count nowhere"
            )
        return found

    def conflicts(self, changed: Collection[str], pane: int) -> Iterator[str]:
        """What has no effect or cannot work together with other options, a line each.

        Args:
            changed: the options that were given.
            pane: seconds on whose multiples the job's blocks of events begin and end.
        """
        if not self.related:
            for field in dataclasses.fields(self):
                if f"--{field.name}" in changed:
                    yield f"--{field.name} has no effect without --related=bought"
        elif self.related_gap % pane:
            yield (
                f"--related_gap={self.related_gap} is no multiple of {pane} s, the greatest time "
                "that divides all windows and periods of the job: take a multiple of it"
            )
