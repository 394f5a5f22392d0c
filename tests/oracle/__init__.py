"""Brute-force oracles in plain Python, one event at a time, straight from the specification."""
