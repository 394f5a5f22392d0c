"""Which rows of an item table a catalogue leaves out, kept for the last few times."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from transforms.messages.availability import Availability, places

Int64s = npt.NDArray[np.int64]
_KEPT, _KEPT_BYTES = 4, 1 << 26
"""Masks that are kept: so many, or more that take so many bytes together."""


class HiddenItems:
    """Masks over the rows of an item table.

    Args:
        ids: int64 [m], the raw id of each row.
        device: where the masks are used.
    """

    def __init__(self, ids: Int64s, device: torch.device) -> None:
        self._ids, self._device = ids, device
        self._places: tuple[Int64s, Int64s] | None = None
        self._masks: OrderedDict[Availability, Tensor] = OrderedDict()

    def by(self, available: tuple[Availability, ...]) -> Tensor | None:
        """The rows that are not available: bool [m]; None where no catalogue says so.

        Threads may compute one mask twice; the masks are equal.
        """
        if not available:
            return None
        (catalogue,) = available
        mask = self._masks.get(catalogue)
        if mask is None:
            mask = torch.from_numpy(~catalogue.at(self._places_in(catalogue.ids)))
            mask = mask.to(self._device)
            self._masks[catalogue] = mask
            while len(self._masks) > max(_KEPT, _KEPT_BYTES // max(1, len(self._ids))):
                self._masks.popitem(last=False)
        return mask

    def _places_in(self, catalogue: Int64s) -> Int64s:
        known = self._places
        if known is None or known[0] is not catalogue:
            known = self._places = catalogue, places(catalogue, self._ids)
        return known[1]
