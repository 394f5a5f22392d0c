"""Columns of batches: encoding, packing, sorting, ranges and hashing."""
