"""Data sets: raw logs are prepared, and loaded as users' sequences and recommended lists."""
