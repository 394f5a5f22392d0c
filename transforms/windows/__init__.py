"""Closed panes, and windowed counts over them."""
