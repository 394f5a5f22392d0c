"""Data sets: from raw logs to users' sequences and the lists that were shown."""
