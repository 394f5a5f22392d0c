"""Stores: one bulk-writing sink for each kind of URL.

`sinks.open_source(url)` picks the sink; `sinks.base.WriteTo` writes frames to it.
"""

from sinks.urls import open_source

__all__ = ["open_source"]
