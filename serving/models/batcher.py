"""Requests that come together are ranked together.

While a model ranks, what comes in waits; then all of it is ranked at once. A lone request
waits for nothing. The lists do not depend on it: a policy ranks a row alike in any batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

MOST_WAITING_ROWS = 1 << 16
_MOST_ROWS_AT_ONCE = 1 << 13


class BusyError(RuntimeError):
    """More waits than can be ranked soon."""


@dataclass(frozen=True, slots=True)
class Question:
    """Rows to rank; those with the same `kind` may be ranked together.

    Attributes:
        columns: arrays of equally many rows; of one kind, equally wide.
        kind: what else the ranking depends on, such as the length of the lists.
    """

    columns: tuple[npt.NDArray[Any], ...]
    kind: tuple[Any, ...]

    def __len__(self) -> int:
        return len(self.columns[0])


A = TypeVar("A")


@dataclass(slots=True)
class _Waiting(Generic[A]):
    question: Question
    answer: asyncio.Future[tuple[A, slice]]


class Batcher(Generic[A]):
    """Gathers questions and has them answered together, one batch at a time.

    Args:
        rank: takes the joined columns and the kind; runs on the executor.
        executor: where to run.
        saw: is told how many rows each batch had.
    """

    def __init__(
        self,
        rank: Callable[[tuple[npt.NDArray[Any], ...], tuple[Any, ...]], A],
        executor: Executor,
        saw: Callable[[int], object],
    ) -> None:
        self._rank = rank
        self._executor = executor
        self._saw = saw
        self._waiting: list[_Waiting[A]] = []
        self._rows = 0
        self._task: asyncio.Task[None] | None = None

    async def ask(self, question: Question) -> tuple[A, slice]:
        """The answer of the batch that the question was part of, and its rows in it.

        Raises:
            BusyError: too much waits already.
        """
        if self._rows + len(question) > MOST_WAITING_ROWS:
            raise BusyError
        future: asyncio.Future[tuple[A, slice]] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(question, future))
        self._rows += len(question)
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._answer(self._take())
        finally:
            self._task = None

    def _take(self) -> list[_Waiting[A]]:
        kind = self._waiting[0].question.kind
        taken: list[_Waiting[A]] = []
        left: list[_Waiting[A]] = []
        rows = 0
        for waiting in self._waiting:
            size = len(waiting.question)
            fits = not taken or rows + size <= _MOST_ROWS_AT_ONCE
            if waiting.answer.done():  # its client went away
                self._rows -= size
            elif waiting.question.kind == kind and fits:
                taken.append(waiting)
                rows += size
            else:
                left.append(waiting)
        self._rows -= rows
        self._waiting = left
        return taken

    async def _answer(self, batch: list[_Waiting[A]]) -> None:
        if not batch:
            return
        parts = [waiting.question.columns for waiting in batch]
        columns = (
            parts[0]
            if len(parts) == 1
            else tuple(np.concatenate(column) for column in zip(*parts, strict=True))
        )
        self._saw(len(columns[0]))
        loop = asyncio.get_running_loop()
        try:
            answer = await loop.run_in_executor(
                self._executor, self._rank, columns, batch[0].question.kind
            )
        except Exception as error:  # it belongs to those who asked
            for waiting in batch:
                if not waiting.answer.done():
                    waiting.answer.set_exception(error)
            return
        end = 0
        for waiting in batch:
            start, end = end, end + len(waiting.question)
            if not waiting.answer.done():
                waiting.answer.set_result((answer, slice(start, end)))
