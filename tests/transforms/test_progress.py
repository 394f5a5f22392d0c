"""Counters belong to a job: jobs in one process do not share them."""

import pickle
import threading

import numpy as np

from transforms.progress import ProgressCounters


def test_jobs_in_one_process_share_no_counters() -> None:
    first, second = ProgressCounters("first"), ProgressCounters("second")
    first.reset()
    second.reset()
    first.add("closed", 2)
    second.add("closed", 5)
    first.record_retries("redis://host", 3)
    assert (first.values(), second.values()) == ({"closed": 2}, {"closed": 5})
    assert (first.unavailable_stores(), second.unavailable_stores()) == ({"redis://host": 3}, {})
    first.reset()
    assert (first.values(), second.values()) == ({}, {"closed": 5})


def test_a_pickled_handle_finds_the_counters_of_its_job() -> None:
    job = ProgressCounters("pickled")
    job.reset()
    pickle.loads(pickle.dumps(job)).add("read", 3)  # noqa: S301 - made here
    assert job.values() == {"read": 3}


def test_values_only_rise_and_counts_add_up_over_threads() -> None:
    job = ProgressCounters("threads")
    job.reset()

    def count() -> None:
        for value in range(200):
            job.add("read", 1)
            job.reach("read_to", value)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    job.reach("read_to", -1)
    assert job.values() == {"read": 800, "read_to": 199}


def test_reading_counts_events_and_malformed_lines() -> None:
    job = ProgressCounters("reading")
    job.reset()
    job.record_read(np.array([5, 9, 7]), 2)
    job.record_read(np.array([], np.int64), 1)
    assert job.values() == {"read": 3, "malformed": 3, "read_to": 9}


def test_a_store_that_answers_again_is_no_longer_named() -> None:
    job = ProgressCounters("stores")
    job.reset()
    job.record_retries("mongodb://host/db", 1)
    job.record_retries("mongodb://host/db", 2)
    assert job.unavailable_stores() == {"mongodb://host/db": 2}
    job.record_retries("mongodb://host/db", 0)
    assert job.unavailable_stores() == {}


def test_the_share_of_late_events_is_measured_once_a_period() -> None:
    job = ProgressCounters("late")
    job.reset()
    assert job.late_share(now=100.0) is None  # Nothing to compare with.
    job.add("read", 80)
    job.add("late", 20)
    assert job.late_share(now=159.0) is None
    assert job.late_share(now=160.0) == 0.25
    assert job.late_share(now=160.0) is None
    assert job.late_share(now=220.0) is None  # No events since.
    job.add("read", 10)
    assert job.late_share(now=280.0) == 0.0


def test_a_process_that_reads_nothing_compares_with_its_closed_panes() -> None:
    job = ProgressCounters("late without a source")
    job.reset()
    job.late_share(now=0.0)
    job.add("closed", 30)
    job.add("late", 10)
    assert job.late_share(now=60.0) == 0.25
