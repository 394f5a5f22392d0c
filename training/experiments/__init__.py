"""Experiments on live users: power, always-valid intervals, the check of the sample ratio."""
