"""Readers of the stores: SQL databases, MongoDB and Redis."""
