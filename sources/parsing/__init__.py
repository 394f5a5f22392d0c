"""Bytes to columns of events, and what is wrong with malformed lines."""
