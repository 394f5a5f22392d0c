"""Running a job on Flink: options, job server, watching and stopping it."""
