"""The states that the golden files hold."""

from pathlib import Path
from typing import Any

import numpy as np

from transforms.columns.frames import FrameCoder
from transforms.feedback.open_table import OpenTable
from transforms.feedback.state import FeedbackState, FeedbackStateCoder
from transforms.histories.bought import BoughtTable
from transforms.histories.emission_progress import EmissionProgress
from transforms.histories.recent_users import RecentUsers
from transforms.histories.table import HistoryTable
from transforms.histories.users import layout_of
from transforms.messages.events import EventBatch
from transforms.messages.minutes import PolicyMinutes
from transforms.messages.ranked_lists import POLICY_BYTES
from transforms.tables.index import TableIndex

FOLDER = Path(__file__).parent


def _ids(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


_EVENTS = EventBatch(
    _ids(-5, 7, 2**40), _ids(3, 3, 900), np.array([0, 3, 1], np.int8), _ids(100, 101, 119)
)
_HISTORIES = HistoryTable(
    _ids(1, 2**62), np.array([[4, 5, 0], [7, -8, 9]], np.int64), _ids(2, 3), _ids(111, 140)
)
_BOUGHT = BoughtTable(_ids(-7, 1, 1, 2**62), _ids(5, 4, 5, -9), _ids(90, 100, 100, 139))
_PROGRESS = EmissionProgress(
    _ids(160, 12, 16), _ids(80, 80, 160), _ids(1, 2, 1), _ids(3, 9, 3), _ids(5, 5, 8)
)
_OPEN = OpenTable(
    user=_ids(1, 1),
    time=_ids(120, 140),
    items=np.array([[8, 9], [9, 0]], np.int64),
    length=_ids(2, 1),
    policy=_ids(1, 0),
    best=np.array([[0, 4], [0, 0]], np.int8),
    seen=np.array([[False, True], [False, False]]),
    closed=np.array([False, False]),
    propensities=np.array([[0.5, 0.25], [1, 0]], np.float32),
    history=np.array([[4, 5], [5, 6]], np.int64),
    history_length=_ids(2, 2),
    earned=np.array([[0, 4.5], [0, 0]], np.float32),
)
_POLICIES = np.array([b"popular", b"reinforce-1"], f"S{POLICY_BYTES}")
_MINUTES = PolicyMinutes(_POLICIES, _ids(60, 60), _ids(4, 2), _ids(1, 0), np.array([3.5, 0]))
_FEEDBACK = FeedbackState(
    next_sequence=12,
    complete_until=160,
    early=0,
    open=_OPEN,
    minutes=(_MINUTES,),
    policies=_POLICIES,
)

_INDEX = TableIndex(
    version=np.arange(-8, 8, dtype=np.int8),
    entries=_ids(40),
    prefix=_ids(0, 1, 2),
    depth=_ids(1, 2, 2),
    base_rows=_ids(900, 450, 460),
    log_rows=_ids(12, 0, 3),
    base_bytes=_ids(50_000, 25_000, 26_000),
    log_bytes=_ids(700, 0, 200),
)

STATES: dict[str, tuple[Any, Any]] = {
    "events": (FrameCoder(EventBatch), _EVENTS),
    "histories": (FrameCoder(HistoryTable), _HISTORIES),
    "bought": (FrameCoder(BoughtTable), _BOUGHT),
    "emission_progress": (FrameCoder(EmissionProgress), _PROGRESS),
    "feedback": (FeedbackStateCoder(), _FEEDBACK),
    "users": (layout_of(3), (_HISTORIES, _BOUGHT)),
    "users_index": (FrameCoder(TableIndex), _INDEX),
    "recent_users": (FrameCoder(RecentUsers), RecentUsers(_ids(60), _ids(-7, 2**62))),
}
