"""Beam transforms on batches of columns: panes, windows, histories and feedback."""
