"""Work in line."""

import threading

import pytest

from sinks.serial_executor import SerialExecutor


def test_work_is_done_in_turn_and_errors_are_where_they_are_waited_for() -> None:
    line, go, done = SerialExecutor("test"), threading.Event(), []

    def fail() -> None:
        raise OSError("out")

    first = line.submit(go.wait)
    failed = line.submit(fail)
    last = line.submit(lambda: done.append(1))
    line.close()
    assert not first.done()
    assert not last.done()
    go.set()
    assert last.result(10) is None
    assert done == [1]
    with pytest.raises(OSError, match="out"):
        failed.result(10)
