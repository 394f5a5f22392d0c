"""A failed job is told in one line: the worker's own error, not the runners' words around it."""

import pytest

from pipelines.running.errors import (
    cause,
    is_interrupt,
    is_other_state,
    is_permanent,
    without_step,
)
from sinks.base import SinkError
from sources.errors import SourceError
from sources.kafka.polls import TopicReplacedError
from sources.malformed import MalformedInputError

FROM_FLINK = """Pipeline rivulet-1_a-b failed in state FAILED: java.lang.RuntimeException: \
Error received from SDK harness for instruction 5: Traceback (most recent call last):
  File "sources/kafka/read.py", line 1, in process
sources.errors.SourceError: kafka://h:1/t: the topic was made anew [while running 'Read/Kafka']
"""


PERMANENT = (SourceError, TopicReplacedError, MalformedInputError, SinkError)
RESTARTED = """java.lang.RuntimeException: Error received from SDK harness for instruction 5: \
Traceback (most recent call last):
  File "sources/kafka/read.py", line 1, in process
{}: words [while running 'Read/Kafka']

\tat org.apache.flink.runtime.taskmanager.Task.run(Task.java:566)
Caused by: java.lang.RuntimeException: Error received
\t... 5 more
"""


@pytest.mark.parametrize(
    ("name", "permanent"),
    [
        *((f"{error.__module__}.{error.__name__}", True) for error in PERMANENT),
        ("kafka.errors.KafkaTimeoutError", False),
        ("somewhere.else.SourceError", False),
        ("RuntimeError", False),
    ],
)
def test_errors_in_words_for_the_user_are_permanent(name: str, permanent: bool) -> None:
    assert is_permanent(RESTARTED.format(name)) is permanent


def test_the_last_error_of_a_chain_decides() -> None:
    chain = RESTARTED.format("sources.errors.SourceError") + "\nredis.exceptions.RedisError: x\n"
    assert not is_permanent(chain)


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
