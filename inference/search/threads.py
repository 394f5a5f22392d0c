"""Work on parts of a batch, each by one thread that shares nothing with the others.

PyTorch's own threads meet after each operation and wait busily for the last one; on small
operations, or on a machine that has other things to do, that costs many times what it gains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache

import torch


@cache
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix="rank")


@contextmanager
def one_thread() -> Iterator[None]:
    """PyTorch computes with the calling thread alone; the setting is each thread's own."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def in_parts(work: Callable[[slice], None], rows: int, at_least: int, at_most: int) -> None:
    """Calls `work` for slices that together are all rows, on as many threads as PyTorch may use.

    Args:
        work: does a slice of the rows; what it gives must not depend on where the slices end.
        rows: how many rows there are.
        at_least: rows that are worth a thread of their own.
        at_most: rows that may be worked on at once.
    """
    threads = torch.get_num_threads()
    size = min(max(at_least, -(-rows // threads), 1), at_most)
    parts = iter([slice(start, min(start + size, rows)) for start in range(0, rows, size)])

    def take() -> None:
        # Also a thread that has just been started: it would inherit the caller's setting.
        torch.set_num_threads(1)
        # An iterator over a list hands out each part once, whichever thread asks.
        for part in parts:
            with torch.inference_mode():
                work(part)

    with one_thread():
        helpers = min(threads, -(-rows // size)) - 1
        futures = [_pool(threads).submit(take) for _ in range(helpers)]
        take()
        for future in futures:
            # Nothing is left for one that has not begun.
            if not future.cancel():
                future.result()
