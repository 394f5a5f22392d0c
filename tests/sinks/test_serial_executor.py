"""Functions run one after another in a thread."""

import threading

import pytest

from sinks.serial_executor import SerialExecutor


def test_functions_run_in_order_and_errors_are_raised_by_their_futures() -> None:
    executor, go, done = SerialExecutor("test"), threading.Event(), []

    def fail() -> None:
        raise OSError("out")

    first = executor.submit(go.wait)
    failed = executor.submit(fail)
    last = executor.submit(lambda: done.append(1))
    executor.close()
    assert not first.done()
    assert not last.done()
    go.set()
    assert last.result(10) is None
    assert done == [1]
    with pytest.raises(OSError, match="out"):
        failed.result(10)
