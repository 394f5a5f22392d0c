"""Columns: how they are encoded, packed, sorted, cut into ranges and hashed."""
