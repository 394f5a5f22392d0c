"""The state of a job at a moment, from the counters that its workers report."""

from __future__ import annotations

from dataclasses import dataclass

from serving.schemas.job import Job

SILENT_SECONDS = 15
"""Without a report for this long, a job counts as not running."""
_NEAR_CLOCK_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The state of a job at a moment.

    Attributes:
        at: seconds since the epoch: when a worker last reported, or now if the job is silent.
        rate: events per second over the last reports; None at the first report.
        backlog: seconds of event time between the end of the last complete pane and the newest
            event read.
        lag: seconds from the watermark to the clock; None where event time is far from the
            clock, as in a replay of old events.
        running: whether a worker reported recently.
        late_alarm: whether the share of late events recently exceeded the job's --late_alarm.
    """

    at: float
    rate: float | None
    backlog: int | None
    lag: float | None
    running: bool
    late_alarm: bool = False


def is_silent(job: Job, now: float) -> bool:
    """Whether no worker has reported recently."""
    return now - job.updated_at >= SILENT_SECONDS


def heartbeat_of(job: Job, now: float, previous: Job | None, late_alarm: bool = False) -> Heartbeat:
    """The heartbeat that the counters show.

    Args:
        job: the counters.
        now: the clock, seconds since the epoch.
        previous: earlier counters of the same run; None if there are none.
        late_alarm: whether the job recently counted an alarm of late events.
    """
    running = not is_silent(job, now)
    rate = None
    if not running:
        rate = 0.0
    elif previous and job.updated_at > previous.updated_at:
        rate = max(0, job.read - previous.read) / (job.updated_at - previous.updated_at)
    backlog = None
    if job.read_to is not None and job.closed_to is not None:
        backlog = max(0, job.read_to - job.closed_to)
    lag = None
    if running and job.closed_to is not None and abs(now - job.closed_to) < _NEAR_CLOCK_SECONDS:
        lag = now - job.closed_to
    at = job.updated_at if running else now
    return Heartbeat(at, rate, backlog, lag, running, running and late_alarm)
