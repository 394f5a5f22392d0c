"""Batching: requests of a kind share a batch, each gets its own rows, errors stay separate."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from serving.models.batcher import MAX_WAITING_ROWS, Batcher, RankRequest
from serving.workers import OverloadedError


class Doubler:
    """Doubles its input once `go` is set. Kind "bad" fails."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, Any]] = []
        self.go = threading.Event()

    def __call__(self, columns: tuple[Any, ...], kind: tuple[Any, ...]) -> Any:
        assert self.go.wait(10)
        self.batches.append((len(columns[0]), kind[0]))
        if kind == ("bad",):
            raise ValueError("bad")
        return columns[0] * 2


def request(numbers: list[int], kind: str = "good") -> RankRequest:
    return RankRequest((np.array(numbers),), (kind,))


def run(requests: list[RankRequest], rank: Doubler) -> list[Any]:
    async def ask(batcher: Batcher[Any], one: RankRequest) -> list[int]:
        answer, rows = await batcher.submit(one)
        return list(answer[rows].tolist())

    async def work() -> list[Any]:
        with ThreadPoolExecutor(1) as threads:
            batcher: Batcher[Any] = Batcher(rank, threads, lambda rows: None)
            asked = [asyncio.create_task(ask(batcher, one)) for one in requests]
            await asyncio.sleep(0.05)
            rank.go.set()
            return await asyncio.gather(*asked, return_exceptions=True)

    return asyncio.run(work())


def test_waiting_requests_share_a_batch_and_each_gets_its_own_rows() -> None:
    rank = Doubler()
    answers = run([request([n, n + 100]) for n in range(20)], rank)
    assert answers == [[2 * n, 2 * n + 200] for n in range(20)]
    # The first batch has the first request, and perhaps more; the second has all others.
    assert len(rank.batches) <= 2
    assert sum(rows for rows, _ in rank.batches) == 40


def test_kinds_do_not_mix_and_an_error_goes_to_its_batch() -> None:
    rank = Doubler()
    answers = run([request([n], "bad" if n % 2 else "good") for n in range(10)], rank)
    assert answers[::2] == [[2 * n] for n in range(0, 10, 2)]
    assert all(isinstance(answer, ValueError) for answer in answers[1::2])
    assert all(kind in ("good", "bad") for _, kind in rank.batches)


def test_too_many_waiting_rows_are_refused() -> None:
    rank = Doubler()
    large = request([0] * (MAX_WAITING_ROWS // 2))
    *_, refused = run([large, large, large, large], rank)
    assert isinstance(refused, OverloadedError)


@pytest.mark.parametrize("cancelled", [0, 1])
def test_a_client_that_disconnected_delays_nobody(cancelled: int) -> None:
    rank = Doubler()

    async def work() -> list[Any]:
        with ThreadPoolExecutor(1) as threads:
            batcher: Batcher[Any] = Batcher(rank, threads, lambda rows: None)
            asked = [asyncio.create_task(batcher.submit(request([n]))) for n in range(3)]
            await asyncio.sleep(0.02)
            asked[cancelled].cancel()
            rank.go.set()
            return await asyncio.gather(*asked, return_exceptions=True)

    answers = asyncio.run(work())
    assert isinstance(answers.pop(cancelled), asyncio.CancelledError)
    left = [n for n in range(3) if n != cancelled]
    assert [answer[rows].tolist() for answer, rows in answers] == [[2 * n] for n in left]
