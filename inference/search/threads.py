"""Splits a batch over threads, each of which runs PyTorch on one core.

PyTorch's own intra-op threads synchronise after each operation and spin while they wait. For
small operations, or on a machine with other load, that costs many times what it gains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache

import torch


@cache
def _pool(workers: int) -> ThreadPoolExecutor:
    """The process's pool of this size. It holds no state, so that any callers may share it."""
    return ThreadPoolExecutor(workers, thread_name_prefix="rank")


@contextmanager
def one_thread() -> Iterator[None]:
    """Makes PyTorch compute on the calling thread alone; other threads keep their setting."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def in_parts(work: Callable[[slice], None], rows: int, at_least: int, at_most: int) -> None:
    """Calls `work` for slices that cover all rows, on as many threads as PyTorch may use.

    Args:
        work: processes a slice of the rows; its results must not depend on the slice's limits.
        rows: number of rows.
        at_least: rows from which a thread of its own is worthwhile.
        at_most: rows in a slice.

    Raises:
        Exception: the first exception of `work`.
    """
    threads = torch.get_num_threads()
    size = min(max(at_least, -(-rows // threads), 1), at_most)
    parts = iter([slice(start, min(start + size, rows)) for start in range(0, rows, size)])

    def run() -> None:
        # Per thread: a new thread inherits the setting of the one that started it.
        torch.set_num_threads(1)
        # Iterating a shared list iterator is atomic: each part goes to one thread.
        for part in parts:
            with torch.inference_mode():
                work(part)

    with one_thread():
        helpers = min(threads, -(-rows // size)) - 1
        futures = [_pool(threads).submit(run) for _ in range(helpers)]
        run()
        for future in futures:
            # A helper that has not started has nothing left to do.
            if not future.cancel():
                future.result()
