"""The learning algorithms, one file each, and their registry."""
