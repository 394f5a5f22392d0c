import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.small import EVENTS, Event, sequences_of, split
from training.evaluation import queries as module
from training.evaluation.queries import EvaluationQueries


@pytest.mark.parametrize("goal", ["next", "later"])
@pytest.mark.parametrize("rule", ["new", "repeats"])
@given(events=EVENTS)
def test_against_a_plain_loop(goal: str, rule: str, events: list[Event]) -> None:
    queries = EvaluationQueries.of(sequences_of(events), 100)
    asked = {user: parts for user, parts in split(events).items() if parts[0] and parts[1]}
    assert len(queries) == len(asked)
    if not asked:
        return
    block = queries.block(slice(0, len(queries)))
    assert block.users.tolist() == list(asked)
    wanted = []
    for row, (before, after) in enumerate(asked.values()):
        assert block.histories[row, : block.lengths[row]].tolist() == [e[1] for e in before]
        assert block.times[row] == before[-1][2]
        had = {e[1] for e in before} if rule == "new" else set()
        items = list(dict.fromkeys(e[1] for e in after if e[1] not in had))
        wanted.append(items[:1] if goal == "next" else items)
    rows, targets = queries.targets(goal, rule)
    assert rows.tolist() == [row for row, items in enumerate(wanted) if items]
    assert targets.sizes.tolist() == [len(items) for items in wanted if items]
    got: list[list[int]] = [[] for _ in rows]
    for row, item in zip(targets.rows.tolist(), targets.items.tolist(), strict=True):
        got[row].append(item)
    # Later items stand in no order: they are a set.
    assert [sorted(items) for items in got] == [sorted(items) for items in wanted if items]


def test_a_sample_of_many_users_is_seeded() -> None:
    sequences = sequences_of((user, item, item) for user in range(50) for item in range(5))
    one, again, other = (
        EvaluationQueries.of(sequences, 10, seed).at.tolist() for seed in (1, 1, 2)
    )
    assert len(one) == 10
    assert one == again != other


@given(events=EVENTS, cells=st.integers(1, 60))
def test_blocks_cover_all_queries_within_their_limit(events: list[Event], cells: int) -> None:
    found = EvaluationQueries.of(sequences_of(events), 100)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CELLS", cells)
        patch.setattr(module, "MOST_ROWS", 3)
        blocks = list(found.blocks())
    assert [row for rows in blocks for row in range(rows.start, rows.stop)] == [*range(len(found))]
    for rows in blocks:
        size = rows.stop - rows.start
        assert 1 <= size <= 3
        assert size == 1 or found.block(rows).histories.size <= cells
