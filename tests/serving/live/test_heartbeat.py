"""A heartbeat: the state of a job from the counters that its workers report."""

from dataclasses import replace

from serving.live.heartbeat import heartbeat_of
from serving.schemas.job import Job

NOW = 1_700_000_000.0
JOB = Job(
    started_at=NOW - 100, updated_at=NOW - 1, workers=1, read=1000, closed=900, duplicates=0,
    late=0, malformed=0, recommendations=0, read_to=int(NOW) - 5, closed_to=int(NOW) - 40,
    store="s",
)  # fmt: skip


def test_a_running_job_has_a_rate_and_a_lag() -> None:
    before = replace(JOB, updated_at=NOW - 5, read=600)
    heartbeat = heartbeat_of(JOB, NOW, before)
    assert (heartbeat.rate, heartbeat.backlog, heartbeat.lag, heartbeat.running) == (
        100,
        35,
        40,
        True,
    )
    assert heartbeat_of(JOB, NOW, None).rate is None


def test_a_replay_of_old_events_has_no_lag() -> None:
    old = replace(JOB, read_to=1_000_000, closed_to=999_980)
    heartbeat = heartbeat_of(old, NOW, None)
    assert (heartbeat.lag, heartbeat.backlog) == (None, 20)


def test_a_silent_job_is_not_running() -> None:
    heartbeat = heartbeat_of(JOB, NOW + 60, replace(JOB, updated_at=NOW - 5, read=600))
    assert (heartbeat.rate, heartbeat.lag, heartbeat.running, heartbeat.at) == (
        0.0,
        None,
        False,
        NOW + 60,
    )


def test_an_alarm_of_late_events_is_shown_while_the_job_runs() -> None:
    assert heartbeat_of(JOB, NOW, None, late_alarm=True).late_alarm
    assert not heartbeat_of(JOB, NOW, None).late_alarm
    assert not heartbeat_of(JOB, NOW + 60, None, late_alarm=True).late_alarm
