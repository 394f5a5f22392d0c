"""Panes, and the windowed counts that are made of them."""
