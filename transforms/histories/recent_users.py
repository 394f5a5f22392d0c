"""Who may have a ranking time still to come: found without a look through all users."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transforms.columns.frames import Columns, coded
from transforms.histories.schedule import Schedule
from transforms.messages.events import Int64s


@coded
@dataclass(frozen=True, slots=True, eq=False)
class RecentUsers(Columns):
    """Users who may have a ranking time after what has been applied.

    Attributes:
        window: int64 [1], seconds of the schedule's window for which this holds.
        user: int64 [n], ascending.
    """

    window: Int64s
    user: Int64s

    @staticmethod
    def of(user: Int64s, last: Int64s, schedule: Schedule, complete_until: int) -> RecentUsers:
        """Those of some users whose last event is recent.

        Args:
            user: int64 [n], ascending.
            last: int64 [n], time of the user's last event in seconds since the epoch.
            schedule: the ranking times.
            complete_until: all events before this time have been applied.
        """
        recent = user[last + schedule.window > complete_until]
        return RecentUsers(np.array([schedule.window]), recent)
