"""Batches requests for a model: what arrives while a batch is ranked forms the next batch.

A single request is ranked at once. Lists do not depend on the batching, because a policy ranks a
row identically in any batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from serving.workers import OverloadedError

MAX_WAITING_ROWS = 1 << 16
_MAX_BATCH_ROWS = 1 << 13


@dataclass(frozen=True, slots=True)
class RankRequest:
    """Rows to rank; requests of equal `kind` may share a batch.

    Attributes:
        columns: arrays with one row for each user; of equal widths within a kind.
        kind: what else the ranking depends on, such as the length of the lists.
    """

    columns: tuple[npt.NDArray[Any], ...]
    kind: tuple[Any, ...]

    def __len__(self) -> int:
        return len(self.columns[0])


R = TypeVar("R")


@dataclass(slots=True)
class _Waiting(Generic[R]):
    request: RankRequest
    result: asyncio.Future[tuple[R, slice]]


class Batcher(Generic[R]):
    """Gathers requests and ranks them in batches, one batch at a time.

    Args:
        rank: ranks joined columns of one kind; runs on the executor.
        executor: where to run.
        observe: called with the number of rows of each batch.
    """

    def __init__(
        self,
        rank: Callable[[tuple[npt.NDArray[Any], ...], tuple[Any, ...]], R],
        executor: Executor,
        observe: Callable[[int], object],
    ) -> None:
        self._rank = rank
        self._executor = executor
        self._observe = observe
        self._waiting: list[_Waiting[R]] = []
        self._rows = 0
        self._task: asyncio.Task[None] | None = None

    async def submit(self, request: RankRequest) -> tuple[R, slice]:
        """The result of the request's batch, and the request's rows in it.

        Raises:
            OverloadedError: too many rows are waiting already.
        """
        if self._rows + len(request) > MAX_WAITING_ROWS:
            raise OverloadedError("too many requests are waiting to be ranked")
        future: asyncio.Future[tuple[R, slice]] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(request, future))
        self._rows += len(request)
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._run(self._next_batch())
        finally:
            self._task = None

    def _next_batch(self) -> list[_Waiting[R]]:
        kind = self._waiting[0].request.kind
        batch: list[_Waiting[R]] = []
        left: list[_Waiting[R]] = []
        rows = 0
        for waiting in self._waiting:
            size = len(waiting.request)
            fits = not batch or rows + size <= _MAX_BATCH_ROWS
            if waiting.result.done():  # its client has disconnected
                self._rows -= size
            elif waiting.request.kind == kind and fits:
                batch.append(waiting)
                rows += size
            else:
                left.append(waiting)
        self._rows -= rows
        self._waiting = left
        return batch

    async def _run(self, batch: list[_Waiting[R]]) -> None:
        if not batch:
            return
        parts = [waiting.request.columns for waiting in batch]
        columns = (
            parts[0]
            if len(parts) == 1
            else tuple(np.concatenate(column) for column in zip(*parts, strict=True))
        )
        self._observe(len(columns[0]))
        loop = asyncio.get_running_loop()
        try:
            result = await loop.run_in_executor(
                self._executor, self._rank, columns, batch[0].request.kind
            )
        except Exception as error:  # each request of the batch gets it
            for waiting in batch:
                if not waiting.result.done():
                    waiting.result.set_exception(error)
            return
        end = 0
        for waiting in batch:
            start, end = end, end + len(waiting.request)
            if not waiting.result.done():
                waiting.result.set_result((result, slice(start, end)))
