"""Offline evaluation: queries, metrics, protocol, baselines, reports."""
