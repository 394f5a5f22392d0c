"""Brute force in plain Python, one event at a time: what the spec says, and no more."""
