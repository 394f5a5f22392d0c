"""Slices cover the rows once on any number of threads; PyTorch's thread setting is restored."""

import threading

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from inference.search.threads import in_parts


@given(
    rows=st.integers(0, 300),
    at_least=st.integers(1, 50),
    at_most=st.integers(1, 100),
    threads=st.integers(1, 4),
)
def test_every_row_is_worked_on_once(rows: int, at_least: int, at_most: int, threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    done = [0] * rows

    def work(part: slice) -> None:
        assert torch.get_num_threads() == 1
        assert 0 < part.stop - part.start <= at_most
        for row in range(rows)[part]:
            done[row] += 1

    try:
        in_parts(work, rows, at_least, at_most)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert done == [1] * rows


def test_threads_work_side_by_side() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    meeting = threading.Barrier(2, timeout=20)
    try:
        in_parts(lambda _: meeting.wait(), 2, 1, 1)
    finally:
        torch.set_num_threads(before)


def test_an_error_in_any_thread_is_raised() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    meeting = threading.Barrier(2, timeout=20)
    caller = threading.get_ident()

    def work(part: slice) -> None:
        meeting.wait()
        if threading.get_ident() != caller:
            raise ValueError("broken")

    try:
        with pytest.raises(ValueError, match="broken"):
            in_parts(work, 2, 1, 1)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
