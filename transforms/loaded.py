"""What a process loads once for all steps of a job: a catalogue, or users to forget."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any, Protocol, TypeVar, cast

View = TypeVar("View", covariant=True)


class Source(Hashable, Protocol[View]):
    """Anything that workers load once; equal sources are one."""

    def load(self) -> View:
        """Loads it."""
        ...


_KEPT = 4
_VIEWS: OrderedDict[Source[Any], Any] = OrderedDict()
_LOCK = threading.Lock()


def loaded(source: Source[View]) -> View:
    """What the source has, in this process."""
    with _LOCK:
        if source not in _VIEWS:
            _VIEWS[source] = source.load()
            while len(_VIEWS) > _KEPT:
                _VIEWS.popitem(last=False)
        _VIEWS.move_to_end(source)
        return cast("View", _VIEWS[source])
