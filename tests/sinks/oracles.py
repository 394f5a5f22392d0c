"""What the stores must end in, the plain way."""

from collections.abc import Iterable

from tests.sinks.frames import Event


def consumed(rows: Iterable[Event]) -> dict[int, tuple[list[int], list[int]]]:
    """Per user the different items in order of first consumption, and their times."""
    first: dict[int, dict[int, int]] = {}
    for user, item, _, time in rows:
        mine = first.setdefault(user, {})
        mine[item] = min(time, mine.get(item, time))
    answer = {}
    for user, mine in first.items():
        pairs = sorted((time, item) for item, time in mine.items())
        answer[user] = ([item for _, item in pairs], [time for time, _ in pairs])
    return answer


def history(rows: Iterable[Event]) -> dict[int, list[int]]:
    """Per user the items of the last ten different events, newest first."""
    users: dict[int, set[Event]] = {}
    for row in rows:
        users.setdefault(row[0], set()).add(row)
    return {
        user: [item for _, item in sorted(((e[3], e[1]) for e in mine), reverse=True)[:10]]
        for user, mine in users.items()
    }
