"""What is available at the ranking times of a request."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from transforms.catalogue.source import CatalogueView
from transforms.messages.exclusions import Exclusions
from transforms.messages.ranking import RankingRequest


def with_availability(request: RankingRequest, catalogue: CatalogueView) -> RankingRequest:
    """The request, whose exclusions say what is available at each of its times.

    A state that is used at times with different availability becomes several states, so that each
    state is ranked among the items of one time.
    """
    times, row = np.unique(request.time, return_inverse=True)
    found = [catalogue.at(time) for time in times.tolist()]
    available = tuple(dict.fromkeys(found))
    exclusions = request.exclusions or Exclusions.none(len(request.states))
    if len(available) < 2:
        return replace(request, exclusions=replace(exclusions, available=available))
    group = np.array([available.index(each) for each in found], np.int64)[row]
    split, starts = replace(request, exclusions=exclusions).split(group)
    of_state = exclusions.take(request.state_index[starts])
    of_state = replace(of_state, available=available, group=group[starts])
    return replace(split, exclusions=of_state)
