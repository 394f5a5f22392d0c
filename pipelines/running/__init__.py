"""Running a job: runner, progress, summary, errors."""
