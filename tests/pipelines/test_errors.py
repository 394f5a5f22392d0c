"""A failed job is told in one line: the worker's own error, not the runners' words around it."""

import pytest

from pipelines.running.errors import cause, is_interrupt, is_other_state, without_step

FROM_FLINK = """Pipeline rivulet-1_a-b failed in state FAILED: java.lang.RuntimeException: \
Error received from SDK harness for instruction 5: Traceback (most recent call last):
  File "sources/kafka/read.py", line 1, in process
sources.errors.SourceError: kafka://h:1/t: the topic was made anew [while running 'Read/Kafka']
"""


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (RuntimeError(FROM_FLINK), "SourceError: kafka://h:1/t: the topic was made anew"),
        (
            RuntimeError("Pipeline a_b failed in state FAILED: java.net.ConnectException: refused"),
            "java.net.ConnectException: refused",
        ),
        (ValueError("no such thing\nat all"), "ValueError: no such thing"),
        (ValueError(""), "ValueError: "),
    ],
)
def test_the_cause_is_one_line(error: Exception, line: str) -> None:
    assert cause(error) == line


def test_our_own_words_stay_without_the_step() -> None:
    error = ValueError("no such host [while running 'Write record 1/Write']")
    assert without_step(error) == "no such host"


OTHER_STATE = """Pipeline rivulet-1_a-b failed in state FAILED: java.lang.IllegalStateException: \
Failed to rollback to checkpoint/savepoint file:/s/savepoint-1. Cannot map checkpoint/savepoint \
state for operator 5c02 to the new program, because the operator is not there."""


def test_a_savepoint_of_another_shape_is_known() -> None:
    assert is_other_state(RuntimeError(OTHER_STATE))
    assert not is_other_state(RuntimeError(FROM_FLINK))


def test_ctrl_c_inside_a_runner_is_known() -> None:
    text = "Traceback:\n  File a, line 1\nKeyboardInterrupt [while running 'x']"
    assert is_interrupt(RuntimeError(text))
    assert is_interrupt(RuntimeError("KeyboardInterrupt"))
    assert not is_interrupt(RuntimeError(FROM_FLINK))
    assert not is_interrupt(ValueError(""))
