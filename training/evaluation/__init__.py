"""Offline evaluation: queries, metrics, protocol, reports."""
