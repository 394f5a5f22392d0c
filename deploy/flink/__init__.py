"""A standalone Flink cluster on this machine with its Python workers."""

from deploy.flink.cluster import FlinkCluster
from deploy.flink.settings import ClusterSettings

__all__ = ["ClusterSettings", "FlinkCluster"]
