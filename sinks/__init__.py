"""Stores: one bulk-writing sink for each kind of URL."""
