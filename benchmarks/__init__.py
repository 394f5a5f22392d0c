"""Benchmarks. Each compares its candidates in one run; `RESULTS.md` is their log."""
