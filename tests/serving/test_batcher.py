"""What comes together is ranked together, each gets its own rows, and errors stay apart."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from serving.models.batcher import MOST_WAITING_ROWS, Batcher, BusyError, Question


class Doubler:
    """Doubles; stands still until it is let go. Kind "bad" fails."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, Any]] = []
        self.go = threading.Event()

    def __call__(self, columns: tuple[Any, ...], kind: tuple[Any, ...]) -> Any:
        assert self.go.wait(10)
        self.batches.append((len(columns[0]), kind[0]))
        if kind == ("bad",):
            raise ValueError("bad")
        return columns[0] * 2


def question(numbers: list[int], kind: str = "good") -> Question:
    return Question((np.array(numbers),), (kind,))


def run(questions: list[Question], rank: Doubler) -> list[Any]:
    async def ask(batcher: Batcher[Any], one: Question) -> list[int]:
        answer, rows = await batcher.ask(one)
        return list(answer[rows].tolist())

    async def work() -> list[Any]:
        with ThreadPoolExecutor(1) as threads:
            batcher: Batcher[Any] = Batcher(rank, threads, lambda rows: None)
            asked = [asyncio.create_task(ask(batcher, one)) for one in questions]
            await asyncio.sleep(0.05)
            rank.go.set()
            return await asyncio.gather(*asked, return_exceptions=True)

    return asyncio.run(work())


def test_what_waits_is_ranked_at_once_and_each_gets_its_own() -> None:
    rank = Doubler()
    answers = run([question([n, n + 100]) for n in range(20)], rank)
    assert answers == [[2 * n, 2 * n + 200] for n in range(20)]
    # The first is ranked alone or with those that came with it; all others wait for it together.
    assert len(rank.batches) <= 2
    assert sum(rows for rows, _ in rank.batches) == 40


def test_kinds_do_not_mix_and_an_error_goes_to_those_who_asked() -> None:
    rank = Doubler()
    answers = run([question([n], "bad" if n % 2 else "good") for n in range(10)], rank)
    assert answers[::2] == [[2 * n] for n in range(0, 10, 2)]
    assert all(isinstance(answer, ValueError) for answer in answers[1::2])
    assert all(kind in ("good", "bad") for _, kind in rank.batches)


def test_more_than_can_wait_is_refused() -> None:
    rank = Doubler()
    large = question([0] * (MOST_WAITING_ROWS // 2))
    *_, refused = run([large, large, large, large], rank)
    assert isinstance(refused, BusyError)


@pytest.mark.parametrize("cancelled", [0, 1])
def test_a_client_that_went_away_holds_nobody_up(cancelled: int) -> None:
    rank = Doubler()

    async def work() -> list[Any]:
        with ThreadPoolExecutor(1) as threads:
            batcher: Batcher[Any] = Batcher(rank, threads, lambda rows: None)
            asked = [asyncio.create_task(batcher.ask(question([n]))) for n in range(3)]
            await asyncio.sleep(0.02)
            asked[cancelled].cancel()
            rank.go.set()
            return await asyncio.gather(*asked, return_exceptions=True)

    answers = asyncio.run(work())
    assert isinstance(answers.pop(cancelled), asyncio.CancelledError)
    left = [n for n in range(3) if n != cancelled]
    assert [answer[rows].tolist() for answer, rows in answers] == [[2 * n] for n in left]
