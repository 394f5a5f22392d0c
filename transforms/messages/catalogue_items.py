"""Items of the catalogue, as stores keep them for the API."""

from __future__ import annotations

import re
from dataclasses import dataclass

CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""What texts of items do not have; RE2 reads the pattern alike."""

IMAGE = re.compile(r"[Hh][Tt][Tt][Pp][Ss]?://[^\x00-\x20\x7f-\x9f\"<>\\^`{|}]+")
"""An address that a page may load or link to; other schemes may run code."""


@dataclass(frozen=True, slots=True)
class CatalogueItems:
    """Rows of a catalogue; of an item the row with the largest `updated` counts.

    Attributes:
        items: ids as texts.
        updated: seconds since the epoch from which on each row counts.
        available: whether the item is on offer; false also for one that is gone.
        details: a JSON object for each, with `category`, `title`, `image`, `price` and `created` as
            far as they are given. Texts have no control characters but tabs and line ends, and an
            image has an address of http or https.
    """

    items: tuple[str, ...]
    updated: tuple[int, ...]
    available: tuple[bool, ...]
    details: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.items)


def shown_text(text: str) -> str:
    """A text without control characters; tabs and line ends are none of them here."""
    return CONTROLS.sub("", text)


def image_address(text: str) -> str | None:
    """The address of an image, if it is one of http or https; else None."""
    return text if IMAGE.fullmatch(text) else None
