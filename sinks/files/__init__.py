"""Outputs that are files: dead letters and the feedback log."""
