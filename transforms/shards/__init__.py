"""Shards of users: their keys, and transforms that partition by user."""
