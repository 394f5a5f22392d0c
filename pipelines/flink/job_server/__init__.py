"""Beam's job server for Flink: its jar and its process."""

from pipelines.flink.job_server.build import (
    build_job_server,
    is_job_server_patched,
    job_server_jar,
)

__all__ = ["build_job_server", "is_job_server_patched", "job_server_jar"]
