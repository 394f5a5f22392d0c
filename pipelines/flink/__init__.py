"""Running a job on Flink: settings, job server, monitoring, savepoints."""
