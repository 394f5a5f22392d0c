"""Rankers to measure policies against, under the same protocol and by the same code."""
