"""Beam transforms on batches of columns: panes, windows, histories, feedback."""
