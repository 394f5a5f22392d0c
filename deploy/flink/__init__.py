"""Flink: Beam's job server, and a standalone cluster with its Python workers."""

from deploy.flink.cluster import FlinkCluster
from deploy.flink.distribution import Settings
from deploy.flink.job_server import build_job_server, is_job_server_patched, job_server_jar

__all__ = [
    "FlinkCluster",
    "Settings",
    "build_job_server",
    "is_job_server_patched",
    "job_server_jar",
]
