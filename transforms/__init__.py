"""Beam transforms on batches of columns: seal, count, remember, reward."""
